"""What the server answers, as frozen values.

Times are timezone-aware UTC datetimes, durations are seconds unless a name ends in ``_ms`` or is
``ms``, sizes are bytes. A server newer than this client may send more: that is passed over.
"""

from vibn.client.values.access import IssuedToken, Me, Token, Workspace
from vibn.client.values.audit import AuditPage, AuditRow, Chain, Verdict
from vibn.client.values.box import BoxInfo, BoxStatus, BoxSummary, Ensured, Live
from vibn.client.values.command import CommandResult, Output, ProcessInfo
from vibn.client.values.files import (
    Change,
    Edited,
    FileInfo,
    FileType,
    Found,
    Listing,
    Match,
    Matches,
    Packed,
    Written,
)
from vibn.client.values.job import Job, JobOutput
from vibn.client.values.project import Limits, Project, Seed
from vibn.client.values.switch import Drill, Replica, Switch, Switches
from vibn.client.values.tool import Tool, ToolAnswer

__all__ = [
    "AuditPage",
    "AuditRow",
    "BoxInfo",
    "BoxStatus",
    "BoxSummary",
    "Chain",
    "Change",
    "CommandResult",
    "Drill",
    "Edited",
    "Ensured",
    "FileInfo",
    "FileType",
    "Found",
    "IssuedToken",
    "Job",
    "JobOutput",
    "Limits",
    "Listing",
    "Live",
    "Match",
    "Matches",
    "Me",
    "Output",
    "Packed",
    "ProcessInfo",
    "Project",
    "Replica",
    "Seed",
    "Switch",
    "Switches",
    "Token",
    "Tool",
    "ToolAnswer",
    "Verdict",
    "Workspace",
    "Written",
]
