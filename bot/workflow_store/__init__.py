"""Workflows that people bring: read and screened, tried as drafts, saved as files with a row for each version.

Those of a server lie in `data/guilds/<guild id>/workflows` and are used in that server only; the host's lie in
`paths.workflows`. Files stay editable by hand, and a change by hand becomes a version too.
"""

from bot.workflow_store.drafts import DraftPage, WorkflowDrafts
from bot.workflow_store.installed_models import InstalledModels
from bot.workflow_store.saved_workflows import SavedWorkflows
from bot.workflow_store.shared_files import WorkflowSharing
from bot.workflow_store.template_gallery import TemplateGallery

__all__ = ["DraftPage", "InstalledModels", "SavedWorkflows", "TemplateGallery", "WorkflowDrafts", "WorkflowSharing"]
