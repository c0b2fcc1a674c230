"""How is a user's own rule, draft or test judged?"""
