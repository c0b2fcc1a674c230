"""What do many noisy runs show, beside what is predicted?"""
