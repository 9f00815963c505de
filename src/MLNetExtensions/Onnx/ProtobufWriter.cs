using System.Text;

namespace MLNetExtensions.Onnx;

/// <summary>
/// Writes a message of protocol buffers: varints, packed numbers, bytes, nested messages. Long byte strings are kept by reference until the message is written, so that
/// weights are never copied.
/// </summary>
internal sealed class ProtobufWriter
{
    // Above this a byte string is a part of its own.
    private const int LongBytes = 256;

    private readonly List<ReadOnlyMemory<byte>> _parts = [];
    private List<byte> _current = [];
    private long _closed;

    /// <summary>The number of bytes of the message.</summary>
    internal long Length => _closed + _current.Count;

    /// <summary>Writes a number; 0 too, which readers take for absent otherwise.</summary>
    internal void Number(int field, long value)
    {
        Tag(field, 0);
        Varint((ulong)value);
    }

    /// <summary>Writes a number of four bytes.</summary>
    internal void Single(int field, float value)
    {
        Tag(field, 5);
        AddSingle(value);
    }

    internal void Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    internal void Bytes(int field, ReadOnlyMemory<byte> value)
    {
        Tag(field, 2);
        Varint((ulong)value.Length);
        Add(value);
    }

    /// <summary>Writes whole numbers, packed.</summary>
    internal void Numbers(int field, ReadOnlySpan<long> values)
    {
        var packed = new ProtobufWriter();
        foreach (var value in values)
        {
            packed.Varint((ulong)value);
        }
        Message(field, packed);
    }

    /// <summary>Writes numbers of four bytes, packed.</summary>
    internal void Singles(int field, ReadOnlySpan<float> values)
    {
        var packed = new ProtobufWriter();
        foreach (var value in values)
        {
            packed.AddSingle(value);
        }
        Message(field, packed);
    }

    /// <summary>Writes a nested message, which must not change afterwards.</summary>
    internal void Message(int field, ProtobufWriter message)
    {
        Tag(field, 2);
        Varint((ulong)message.Length);
        message.Close();
        foreach (var part in message._parts)
        {
            Add(part);
        }
    }

    internal void WriteTo(Stream stream)
    {
        Close();
        foreach (var part in _parts)
        {
            stream.Write(part.Span);
        }
    }

    private void Tag(int field, int wireType) => Varint((ulong)(field << 3 | wireType));

    private void Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            _current.Add((byte)(value | 0x80));
        }
        _current.Add((byte)value);
    }

    private void AddSingle(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        for (var shift = 0; shift < 32; shift += 8)
        {
            _current.Add((byte)(bits >> shift));
        }
    }

    private void Add(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length < LongBytes)
        {
            _current.AddRange(bytes.Span);
            return;
        }
        Close();
        _parts.Add(bytes);
        _closed += bytes.Length;
    }

    private void Close()
    {
        if (_current.Count > 0)
        {
            _closed += _current.Count;
            _parts.Add(_current.ToArray());
            _current = [];
        }
    }
}
