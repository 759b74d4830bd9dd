"""What the laboratory reads: corpora of talking clips, labelled faces and voices."""
