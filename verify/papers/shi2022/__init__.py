"""Shi, Du, Jordan and Su (2022): high-resolution differential equations of momentum."""
