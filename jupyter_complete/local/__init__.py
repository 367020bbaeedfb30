"""Models of this machine: GGUF files, each served by a child process of this one."""
