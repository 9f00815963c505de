using System.IO.Compression;
using Microsoft.ML.Data;

namespace Samples;

/// <summary>A text file that may be compressed (.gz), for a text loader.</summary>
internal sealed class TextSource(string path) : IMultiStreamSource
{
    public int Count => 1;

    public string GetPathOrNull(int index) => path;

    public Stream Open(int index) => path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? new GZipStream(File.OpenRead(path), CompressionMode.Decompress) : File.OpenRead(path);

    public TextReader OpenTextReader(int index) => new StreamReader(Open(index));
}
