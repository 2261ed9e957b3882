"""The OpenAPI schema: made of the views, the write routes and the structs that both send and take."""
