"""The tools that are offered to an AI, each declared once; surfaces are made from them.

``STANDARD`` are those of a server, ``Toolbox`` calls them, ``export`` writes them down for others.
"""

from vibn.tools.arguments import Arguments
from vibn.tools.dialects import export
from vibn.tools.registry import STANDARD
from vibn.tools.telling import render_error
from vibn.tools.tool import AnyTool, Tool
from vibn.tools.toolbox import Answer, Toolbox

__all__ = [
    "STANDARD",
    "Answer",
    "AnyTool",
    "Arguments",
    "Tool",
    "Toolbox",
    "export",
    "render_error",
]
