"""What the settings cost in a month: a dated table of prices, times what the templates count."""
