"""The monthly report: figures out of the store, sentences that are true of them, and the page."""
