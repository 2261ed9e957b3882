"""The write door: the routes by which engines write, as one small ASGI application beside Django.

Django's ASGI handler starts a thread for each request; here requests that wait share a thread and a transaction.
"""
