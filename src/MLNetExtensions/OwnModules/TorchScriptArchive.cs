using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using System.Text;
using System.Text.RegularExpressions;

namespace MLNetExtensions.Torch;

/// <summary>
/// Checks a TorchScript file, which is a zip archive, before libtorch sees it: libtorch does not look at the checksums and may end the process over damaged content.
/// </summary>
internal static partial class TorchScriptArchive
{
    private const int EndSize = 22;
    private const int End64Size = 56;
    private const int Locator64Size = 20;
    private const int CentralSize = 46;
    private const int LocalSize = 30;
    private const int Stored = 0;
    private const int Deflated = 8;
    private const int HasDescriptor = 1 << 3;
    // Of the flags those of a compression level, the descriptor and UTF-8 names.
    private const int KnownFlags = 0x6 | HasDescriptor | (1 << 11);

    private static readonly string[] s_needed = ["data.pkl", "constants.pkl", "version"];

    // What a plain libtorch knows. Operators of other libraries end the process when the file is loaded.
    private static readonly HashSet<string> s_operators = ["aten", "prim", "prims", "quantized", "_quantized", "quantized_decomposed", "mkldnn", "mkldnn_prepacked", "onednn", "prepacked", "sparse", "cuda"];

    private sealed record Entry(string Name, int Central, int Local, int Data, int Size);

    /// <exception cref="FormatException">The file is damaged, or no TorchScript that this libtorch can run.</exception>
    internal static void Check(byte[] file)
    {
        var entries = ReadDirectory(file);
        var root = entries[0].Name.Split('/')[0];
        var code = entries.Where(entry => entry.Name.StartsWith($"{root}/code/", StringComparison.Ordinal) && entry.Name.EndsWith(".py", StringComparison.Ordinal)).ToList();
        if (entries.Any(entry => !entry.Name.StartsWith(root + "/", StringComparison.Ordinal)) || s_needed.Any(name => entries.All(entry => entry.Name != $"{root}/{name}")) || code.Count == 0)
        {
            throw new FormatException("It is a zip archive without the parts of a TorchScript program. Save the model by torch.jit.save (torch.save writes weights only).");
        }
        foreach (var entry in entries)
        {
            var content = Content(file, entry);
            if (Crc32.HashToUInt32(content) != UInt32(file, entry.Central + 16))
            {
                throw new FormatException($"'{entry.Name}' does not match its CRC-32.");
            }
            if (code.Contains(entry) && Operators().Matches(Encoding.UTF8.GetString(content)).FirstOrDefault(match => !s_operators.Contains(match.Groups[1].Value)) is { } foreign)
            {
                throw new FormatException($"It uses the operator '{foreign.Groups[1].Value}::{foreign.Groups[2].Value}', which libtorch does not have.");
            }
        }
    }

    [GeneratedRegex(@"(?<![\w.])ops\.(\w+)\.(\w+)")]
    private static partial Regex Operators();

    // All records, tiling the file: local parts from the start, the directory, the end.
    private static List<Entry> ReadDirectory(byte[] file)
    {
        var end = file.Length - EndSize;
        Expect(end >= 0 && UInt32(file, end) == 0x06054b50 && UInt16(file, end + 20) == 0, "it does not end as a zip archive does");
        int count = UInt16(file, end + 10);
        var size = UInt32(file, end + 12);
        var offset = UInt32(file, end + 16);
        Expect(UInt32(file, end + 4) == 0 && UInt16(file, end + 8) == count && count > 0, "it has no entries");
        if (end >= Locator64Size + End64Size && UInt32(file, end - Locator64Size) == 0x07064b50)
        {
            var locator = end - Locator64Size;
            end = locator - End64Size;
            Expect(UInt32(file, locator + 4) == 0 && UInt64(file, locator + 8) == (ulong)end && UInt32(file, locator + 16) == 1
                && UInt32(file, end) == 0x06064b50 && UInt64(file, end + 4) == End64Size - 12 && UInt16(file, end + 14) == 45 && UInt64(file, end + 16) == 0
                && UInt64(file, end + 24) == (ulong)count && UInt64(file, end + 32) == (ulong)count && UInt64(file, end + 40) == size && UInt64(file, end + 48) == offset, "its end record is damaged");
        }
        Expect(offset + (long)size == end, "its directory is not where the end record says");
        var entries = new List<Entry>(count);
        var names = new HashSet<string>();
        var at = (int)offset;
        for (var i = 0; i < count; i++)
        {
            Expect(at + CentralSize <= end && UInt32(file, at) == 0x02014b50, $"entry {i} of its directory is damaged");
            int nameLength = UInt16(file, at + 28), extraLength = UInt16(file, at + 30);
            Expect(nameLength > 0 && UInt16(file, at + 32) == 0 && UInt16(file, at + 34) == 0 && at + CentralSize + nameLength + extraLength <= end
                && (UInt16(file, at + 8) & ~KnownFlags) == 0 && UInt16(file, at + 10) is Stored or Deflated && UInt32(file, at + 42) < offset
                && UInt32(file, at + 20) <= offset && UInt32(file, at + 24) <= int.MaxValue, $"entry {i} of its directory is damaged");
            CheckExtra(file, at + CentralSize + nameLength, extraLength);
            var name = Encoding.UTF8.GetString(file, at + CentralSize, nameLength);
            // libtorch would take the attribute's word for it and read nothing.
            Expect((UInt32(file, at + 38) & 0x10) == 0 || name.EndsWith('/'), $"the attributes of '{name}' are those of a folder");
            Expect(names.Add(name), $"it holds '{name}' twice");
            entries.Add(new(name, at, (int)UInt32(file, at + 42), 0, (int)UInt32(file, at + 20)));
            at += CentralSize + nameLength + extraLength;
        }
        Expect(at == end, "its directory is damaged");
        entries.Sort((a, b) => a.Local.CompareTo(b.Local));
        for (var i = 0; i < count; i++)
        {
            Expect(i > 0 || entries[i].Local == 0, "it does not begin as a zip archive does");
            entries[i] = CheckLocal(file, entries[i], i + 1 < count ? entries[i + 1].Local : (int)offset);
        }
        return entries;
    }

    private static Entry CheckLocal(byte[] file, Entry entry, int next)
    {
        var (central, local, message) = (entry.Central, entry.Local, $"the header of '{entry.Name}' is damaged");
        int nameLength = UInt16(file, central + 28);
        Expect((long)local + LocalSize + nameLength <= next, message);
        int extraLength = UInt16(file, local + 28);
        var data = local + LocalSize + nameLength + extraLength;
        // Version, flags, method, time and date stand in both.
        Expect(UInt32(file, local) == 0x04034b50 && file.AsSpan(local + 4, 10).SequenceEqual(file.AsSpan(central + 6, 10)) && UInt16(file, local + 26) == nameLength
            && file.AsSpan(local + LocalSize, nameLength).SequenceEqual(file.AsSpan(central + CentralSize, nameLength)) && (long)data + entry.Size <= next, message);
        CheckExtra(file, local + LocalSize + nameLength, extraLength);
        var sums = file.AsSpan(central + 16, 12);
        var localSums = file.AsSpan(local + 14, 12);
        var rest = file.AsSpan(data + entry.Size, next - data - entry.Size);
        if ((UInt16(file, central + 8) & HasDescriptor) == 0)
        {
            Expect(localSums.SequenceEqual(sums) && rest.IsEmpty, message);
        }
        else
        {
            Expect(localSums.SequenceEqual(sums) || !localSums.ContainsAnyExcept((byte)0), message);
            // With its signature or without; sizes of 4 bytes or of 8.
            rest = rest.Length is 16 or 24 && BinaryPrimitives.ReadUInt32LittleEndian(rest) == 0x08074b50 ? rest[4..] : rest;
            Expect(rest.Length == 12 ? rest.SequenceEqual(sums)
                : rest.Length == 20 && rest[..4].SequenceEqual(sums[..4]) && BinaryPrimitives.ReadUInt64LittleEndian(rest[4..]) == UInt32(file, central + 20)
                    && BinaryPrimitives.ReadUInt64LittleEndian(rest[12..]) == UInt32(file, central + 24), message);
        }
        return entry with { Data = data };
    }

    // libtorch fills up with Z to align what follows.
    private static void CheckExtra(byte[] file, int start, int length)
    {
        var rest = file.AsSpan(start, length);
        while (!rest.IsEmpty)
        {
            Expect(rest.Length >= 4, "an extra field is damaged");
            var id = BinaryPrimitives.ReadUInt16LittleEndian(rest);
            int size = BinaryPrimitives.ReadUInt16LittleEndian(rest[2..]);
            Expect(size <= rest.Length - 4 && (id != 0x4246 || !rest.Slice(4, size).ContainsAnyExcept((byte)'Z')), "an extra field is damaged");
            rest = rest[(4 + size)..];
        }
    }

    private static ReadOnlySpan<byte> Content(byte[] file, Entry entry)
    {
        var size = (int)UInt32(file, entry.Central + 24);
        if (UInt16(file, entry.Central + 10) == Stored)
        {
            Expect(size == entry.Size, $"'{entry.Name}' is stored and has two sizes");
            return file.AsSpan(entry.Data, size);
        }
        try
        {
            using var inflater = new DeflateStream(new MemoryStream(file, entry.Data, entry.Size), CompressionMode.Decompress);
            using var content = new MemoryStream();
            var buffer = new byte[1 << 16];
            for (int read; (read = inflater.Read(buffer)) > 0;)
            {
                // Not more than it should become, whatever it claims.
                Expect(content.Length + read <= size, $"'{entry.Name}' is longer than its header says");
                content.Write(buffer, 0, read);
            }
            Expect(content.Length == size, $"'{entry.Name}' is shorter than its header says");
            return content.ToArray();
        }
        catch (InvalidDataException e)
        {
            throw new FormatException($"'{entry.Name}' cannot be decompressed: {e.Message}", e);
        }
    }

    private static void Expect(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new FormatException($"It is damaged, or no zip archive: {otherwise}.");
        }
    }

    private static ushort UInt16(byte[] file, int at) => BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(at));

    private static uint UInt32(byte[] file, int at) => BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at));

    private static ulong UInt64(byte[] file, int at) => BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
}
