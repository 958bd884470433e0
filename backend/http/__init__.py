"""What all handlers need: the endpoint wrapper, the viewer, paging, and the OpenAPI document."""
