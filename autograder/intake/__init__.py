"""Makes what students send gradable: finds it, says whose it is, mends it, keeps the original.

`sources` finds notebooks in folders, archives and exports of learning platforms; `naming` says
whose they are; `repair` puts a notebook back on the released one's skeleton; `desk` files it.
"""
