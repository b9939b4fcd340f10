"""The torture suite: kills, damage, full disks, fuzz and long service, all seeded; see __main__."""
