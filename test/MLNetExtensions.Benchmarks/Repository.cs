namespace MLNetExtensions.Benchmarks;

/// <summary>Where the data of the measurements lies.</summary>
internal static class Repository
{
    private const string SharedVariable = "MLNETEXTENSIONS_SHARED";

    /// <summary>A file of the data folder: in the folder that the environment variable names, else in <c>../shared</c>, seen from the repository.</summary>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    public static string DataFile(string name)
    {
        var shared = Environment.GetEnvironmentVariable(SharedVariable) is { Length: > 0 } folder ? folder : Path.Combine(Root(), "..", "shared");
        var path = Path.GetFullPath(Path.Combine(shared, "data", name));
        return File.Exists(path) ? path : throw new FileNotFoundException($"There is no file '{path}'. Set {SharedVariable} to the folder that holds data/{name}, or give a file of your own to 'accuracy olinear --data'.");
    }

    /// <summary>The root of the repository.</summary>
    public static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "MLNetExtensions.sln")))
            {
                return folder.FullName;
            }
        }
        return Environment.CurrentDirectory;
    }
}
