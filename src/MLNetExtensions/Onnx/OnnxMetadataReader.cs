using System.Text;

namespace MLNetExtensions.Onnx;

/// <summary>Reads the texts that an ONNX file holds for its readers, and skips all else.</summary>
internal static class OnnxMetadataReader
{
    private const int MetadataField = 14;
    private const int MostText = 1 << 28;

    /// <summary>Reads them.</summary>
    /// <exception cref="FormatException">It is no ONNX file.</exception>
    internal static IReadOnlyDictionary<string, string> Read(Stream stream)
    {
        var result = new Dictionary<string, string>(StringComparer.Ordinal);
        while (ReadField(stream) is { } field)
        {
            if (field.Number == MetadataField && field.WireType == 2)
            {
                using var entry = new MemoryStream(ReadBytes(stream, field.Value));
                var (key, value) = ReadEntry(entry);
                result[key] = value;
                continue;
            }
            Skip(stream, field);
        }
        return result;
    }

    private static (string Key, string Value) ReadEntry(Stream entry)
    {
        var (key, value) = ("", "");
        while (ReadField(entry) is { } field)
        {
            if (field.WireType != 2)
            {
                Skip(entry, field);
                continue;
            }
            var text = Encoding.UTF8.GetString(ReadBytes(entry, field.Value));
            (key, value) = field.Number switch { 1 => (text, value), 2 => (key, text), _ => (key, value) };
        }
        return (key, value);
    }

    /// <summary>Number, wire type, and the value or the length of what follows; null at the end.</summary>
    private static (int Number, int WireType, ulong Value)? ReadField(Stream stream)
    {
        if (ReadVarint(stream, mayEnd: true) is not { } tag)
        {
            return null;
        }
        var wireType = (int)(tag & 7);
        return ((int)(tag >> 3), wireType, wireType is 0 or 2 ? ReadVarint(stream, mayEnd: false)!.Value : 0);
    }

    private static void Skip(Stream stream, (int Number, int WireType, ulong Value) field)
    {
        var length = field.WireType switch
        {
            0 => 0UL,
            1 => 8UL,
            2 => field.Value,
            5 => 4UL,
            _ => throw Damaged(),
        };
        if (stream.CanSeek)
        {
            if (length > (ulong)(stream.Length - stream.Position))
            {
                throw Damaged();
            }
            stream.Seek((long)length, SeekOrigin.Current);
            return;
        }
        var buffer = new byte[1 << 16];
        while (length > 0)
        {
            var read = stream.Read(buffer, 0, (int)Math.Min((ulong)buffer.Length, length));
            length -= read > 0 ? (ulong)read : throw Damaged();
        }
    }

    private static byte[] ReadBytes(Stream stream, ulong length)
    {
        if (length > MostText || (stream.CanSeek && length > (ulong)(stream.Length - stream.Position)))
        {
            throw Damaged();
        }
        var bytes = new byte[length];
        return stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length ? bytes : throw Damaged();
    }

    private static ulong? ReadVarint(Stream stream, bool mayEnd)
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = stream.ReadByte();
            if (next < 0)
            {
                return mayEnd && shift == 0 ? null : throw Damaged();
            }
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
        throw Damaged();
    }

    private static FormatException Damaged() => new("The file is damaged, or no ONNX model.");
}
