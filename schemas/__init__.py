"""What goes over the wire, in and out; unknown fields are refused."""
