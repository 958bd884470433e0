"""Everything outside the program that it talks to: WeChat, Redis, file storage, and their stand-ins."""
