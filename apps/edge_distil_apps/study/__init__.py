"""The on-device latency study: DistilBERT beside BERT, by the protocol of `edge_distil.bench`."""
