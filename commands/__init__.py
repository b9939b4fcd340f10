"""The commands of the terminal, each in the file of its name; common/ holds what several share.

A command loads what it needs when it runs, never when it is imported, so that help and wrong
usage cost no time.
"""
