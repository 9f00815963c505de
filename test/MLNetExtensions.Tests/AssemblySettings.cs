// libtorch keeps settings of the whole process, and its threads are better not shared.
[assembly: DoNotParallelize]
