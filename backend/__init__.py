"""What the program does: rules, services, gateways, the worker, and the wiring that makes an application of them."""
