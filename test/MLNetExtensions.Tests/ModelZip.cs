using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace MLNetExtensions.Tests;

/// <summary>The entries of a model file, to be looked at and tampered with.</summary>
internal sealed class ModelZip
{
    internal ModelZip(byte[] file)
    {
        using var zip = new ZipArchive(new MemoryStream(file));
        foreach (var entry in zip.Entries)
        {
            using var stream = entry.Open();
            using var copy = new MemoryStream();
            stream.CopyTo(copy);
            Entries.Add(entry.FullName, copy.ToArray());
        }
        Folder = System.IO.Path.GetDirectoryName(Entries.Keys.First(path => path.EndsWith("options.json", StringComparison.Ordinal)))!;
    }

    internal Dictionary<string, byte[]> Entries { get; } = [];

    /// <summary>Where our entries lie.</summary>
    internal string Folder { get; }

    internal string Path(string name) => Entries.Keys.Single(path => path.StartsWith(Folder, StringComparison.Ordinal) && path[Folder.Length..].Trim('/', '\\') == name);

    internal byte[] this[string name]
    {
        get => Entries[Path(name)];
        set => Entries[Path(name)] = value;
    }

    internal string Options
    {
        get => Encoding.UTF8.GetString(this["options.json"]);
        set => Replace("options.json", Encoding.UTF8.GetBytes(value));
    }

    /// <summary>The place of our part of the header: behind that of ML.NET.</summary>
    internal int HeaderStart => (int)BinaryPrimitives.ReadInt64LittleEndian(this["Model.key"].AsSpan(0x10));

    /// <summary>Where the header's fields of a stream are: its length, followed by its hash.</summary>
    internal int FieldsOf(string name)
    {
        var at = HeaderStart + sizeof(int);
        while (true)
        {
            var length = this["Model.key"][at];
            var found = Encoding.UTF8.GetString(this["Model.key"], at + 1, length);
            at += 1 + length;
            if (found == name)
            {
                return at;
            }
            at += sizeof(long) + SHA256.HashSizeInBytes;
        }
    }

    /// <summary>Replaces a stream and makes the header agree.</summary>
    internal void Replace(string name, byte[] bytes)
    {
        this[name] = bytes;
        var header = this["Model.key"].ToArray();
        var at = FieldsOf(name);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(at), bytes.Length);
        SHA256.HashData(bytes).CopyTo(header, at + sizeof(long));
        this["Model.key"] = header;
    }

    /// <summary>The file.</summary>
    /// <param name="more">Entries that are there besides, maybe of names that are there already.</param>
    /// <param name="before">Whether they come first.</param>
    internal byte[] ToArray(IReadOnlyList<KeyValuePair<string, byte[]>>? more = null, bool before = false)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, bytes) in before ? [.. more ?? [], .. Entries] : Entries.Concat(more ?? []))
            {
                using var entry = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
                entry.Write(bytes);
            }
        }
        return stream.ToArray();
    }
}
