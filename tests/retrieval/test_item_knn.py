from endcap.retrieval.item_knn import ItemKnnSource
from tests.retrieval.source_contract import SourceContract


class TestItemKnnContract(SourceContract):
    source = ItemKnnSource
