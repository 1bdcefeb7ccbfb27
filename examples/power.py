"""The power of every measurement and how uncertain it is, computed within a database."""

import duckdb

from backpropcli import Formula

power = Formula("U*I").derivative(to="sql")
database = duckdb.connect()
database.execute("CREATE VIEW points AS FROM 'measured.csv'")
derived = database.sql(power)
database.execute("CREATE TABLE power AS SELECT *, sqrt((grad_U*dU)^2 + (grad_I*dI)^2) AS spread FROM derived")

for voltage, current, value, spread in database.execute("SELECT U, I, value, spread FROM power").fetchall():
    print(f"U = {voltage:5} V   I = {current:5} A   P = {value:.3f} W ± {spread:.3f} W")

shares = database.execute("SELECT avg(abs(grad_U*dU)), avg(abs(grad_I*dI)) FROM power").fetchall()
print("of U {:.4f} W, of I {:.4f} W on average".format(*shares[0]))
