"""The whole error tree.

    EndcapError
    ├── UserInputError            what the caller gave can be mended by the caller
    │   ├── ConfigError           a configuration or mapping file is wrong
    │   ├── DatasetError          a log or table does not have the shape it must have
    │   │   └── TooManyBadRowsError   cleaning stopped: the quarantined share is past the limit
    │   ├── NotEnoughDataError    the log is too small or too short to learn from
    │   └── NotFoundError         a model, run, user or table that was named does not exist
    ├── LakeError                 storage failed or holds something it must not hold
    │   ├── CorruptArtifactError  bytes do not match the hash in their manifest
    │   ├── ConflictError         a conditional write lost against another writer
    │   └── TransientLakeError    storage is throttled or away for a moment: try again
    ├── ServiceError              a part of the prediction service is away
    │   ├── HistoryUnavailableError   visitors' histories cannot be read or written just now
    │   └── RecordLogUnavailableError nothing can be made durable just now
    └── WorkflowError             an execution of a state machine failed

The names are spelled the same in ``state_machines/*.asl.json``: a state retries on
``TransientLakeError`` and on nothing else of this tree.
"""


class EndcapError(Exception):
    """Root of every error that Endcap raises on purpose. Its message is one clear sentence."""


class UserInputError(EndcapError):
    """What the caller gave is wrong, and the message says how to mend it."""


class ConfigError(UserInputError):
    """A configuration or mapping file is wrong."""


class DatasetError(UserInputError):
    """A log or a table does not have the shape it must have."""


class TooManyBadRowsError(DatasetError):
    """Cleaning stopped: the share of quarantined rows is past the configured limit."""


class NotEnoughDataError(UserInputError):
    """The log is too small or too short to learn from."""


class NotFoundError(UserInputError):
    """A model, run, user or table that was named does not exist."""


class LakeError(EndcapError):
    """Storage failed, or holds something that it must not hold."""


class CorruptArtifactError(LakeError):
    """The bytes of an artifact do not match the hash in its manifest."""


class ConflictError(LakeError):
    """A conditional write lost against another writer."""


class TransientLakeError(LakeError):
    """Storage is throttled or away for a moment; the same call may succeed later."""


class ServiceError(EndcapError):
    """A part of the prediction service is away; the same request may succeed later."""


class HistoryUnavailableError(ServiceError):
    """The store of visitors' histories cannot be read or written just now."""


class RecordLogUnavailableError(ServiceError):
    """The record log cannot make anything durable just now."""


class WorkflowError(EndcapError):
    """An execution of a state machine failed."""


__all__ = [
    "ConfigError",
    "ConflictError",
    "CorruptArtifactError",
    "DatasetError",
    "EndcapError",
    "HistoryUnavailableError",
    "LakeError",
    "NotEnoughDataError",
    "NotFoundError",
    "RecordLogUnavailableError",
    "ServiceError",
    "TooManyBadRowsError",
    "TransientLakeError",
    "UserInputError",
    "WorkflowError",
]
