"""The audit trail: one row a call, chained and signed, so that a change of it is found.

``writer.Audit`` is what services use; docs/audit.md tells what it promises.
"""

from vibn.services.audit.entry import Entry
from vibn.services.audit.report import End, Finding, Problem, Report, Verdict
from vibn.services.audit.writer import Audit

__all__ = ["Audit", "End", "Entry", "Finding", "Problem", "Report", "Verdict"]
