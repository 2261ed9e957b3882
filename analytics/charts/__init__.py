"""Charts: from figures to what is drawn and the table that says the same. Pure; drawn by static/actionlog/charts.js."""
