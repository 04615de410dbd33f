"""The Security Token Service, pure: its requests, answers and session tokens (L1).

https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html
"""
