namespace MLNetExtensions.Tests.Onnx;

/// <summary>A folder that goes with the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("MLNetExtensions");

    internal IReadOnlyList<string> Files => [.. _folder.EnumerateFiles().Select(file => file.Name)];

    internal string Path(string name) => System.IO.Path.GetFullPath(System.IO.Path.Combine(_folder.FullName, name));

    public void Dispose() => _folder.Delete(recursive: true);
}
