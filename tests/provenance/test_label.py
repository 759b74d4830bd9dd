from vasa_core.provenance.label import label


def test_the_label_says_so_in_words_and_in_the_iptc_term():
    marks = label()
    assert "AI-generated" in marks["comment"]
    assert marks["digital_source_type"].endswith("/trainedAlgorithmicMedia")
