"""The commands of the terminal, a file each, named like the command.

Beside them stands what several share: `options`, `folders`, `opening` (homes, databases, engines),
`captioners` (which one describes, which one answers), `output`, `progress`, `report`, `answers`,
`words` and `errors` (exit codes, and every error as a sentence). `door` and `following` are parts
of `serve`, `watching` of `index`. Each loads what it needs when it runs, never when it is imported,
so that help and wrong usage cost no time. Knows nothing of how anything is done.
"""
