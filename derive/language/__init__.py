"""What are the words of a derivation: trees, coefficients, formulas, declared rules?"""
