"""The book: the solved notebooks, the errata and a reference of the helpers, as web pages.

Sphinx makes the pages from a temporary folder that mirrors the course (`docs/`, `solutions/`), so
that links between documents hold in the book as they do in the repository. Nothing is run again:
what is shown is what the notebooks store.
"""
