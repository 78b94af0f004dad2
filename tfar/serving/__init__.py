"""SavedModels that TF Serving serves."""

from tfar.serving.endpoints import Endpoint, scored
from tfar.serving.export import export_saved_model, labels_of, standardization_of
from tfar.serving.table_endpoints import scored as scored_table
from tfar.serving.text_endpoints import Codec
from tfar.serving.text_endpoints import scored as scored_text
from tfar.serving.warmup import warm_up_record

__all__ = [
    "Codec",
    "Endpoint",
    "export_saved_model",
    "labels_of",
    "scored",
    "scored_table",
    "scored_text",
    "standardization_of",
    "warm_up_record",
]
