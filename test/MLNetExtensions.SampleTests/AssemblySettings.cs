// Programs are built and trained: one at a time.
[assembly: DoNotParallelize]
