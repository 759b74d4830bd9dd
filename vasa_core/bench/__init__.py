"""``vasa bench``: what each stage costs on this machine, in time and in memory."""
