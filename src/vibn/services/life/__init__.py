"""Life of a box: one container for each project, whatever happens.

boxes.py       the operations, and the way into a running box
lease.py       the right to change a container, on its row (operation.py: what for)
steps.py       what an operation does, in order; containers.py: one verb of the runtime at a time
flights.py     callers who want the same thing share it
faults.py      each effect on the outside, with a point before and after it
reconcile.py   rows and containers brought together; strays.py: containers without a row
seeding.py     a project's first files (hand.py: what is done for it inside the box)
warm.py        boxes made ahead
status.py      what is said of a box
"""
