"""uncertainties: numbers that carry their derivatives."""

PACKAGE = "uncertainties"

ONE_SHOT = """
from uncertainties import ufloat, umath
x, y = ufloat(4, 1), ufloat(3, 1)
s = 1/(1 + umath.exp(-x))
z = (x + s)/(s + (x + y)**2)
print(z.nominal_value, z.derivatives[x], z.derivatives[y])
"""
