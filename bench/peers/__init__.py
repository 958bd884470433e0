"""The same work in other frameworks, as a developer who knows them well would write it."""
