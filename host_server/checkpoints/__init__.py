"""Models on their way to this machine: will one fit, and is every byte of it here and right.

```
 pull:  source (Hugging Face or a mirror, ModelScope) ─► listing ─► choose ─► room? ─► fetch, each file verified
                                                                                          │
                  cache: blobs/<checksum>, snapshots/<commit>/<name> ─► blob, refs/<revision> ◄── last of all
 fit:   config.json and the headers of the weights, from a folder or a source ─► what it takes ─► advice
```
The cache is that of huggingface_hub, whose layout is public: what one of us fetched the others find. The bytes are
fetched here all the same, because its downloads begin anew after an interruption, are not compared with the checksum
the hub tells, and trust the hub in how much it sends. A hub is a stranger: names, sizes, redirects and answers are
checked before they mean anything.
"""
