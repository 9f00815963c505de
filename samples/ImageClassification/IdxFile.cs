using System.Buffers.Binary;
using System.IO.Compression;

namespace ImageClassification;

/// <summary>Bytes with their dimensions, as MNIST and its successors come.</summary>
/// <param name="Shape">The length of each axis; the first is the number of rows.</param>
/// <param name="Values">The bytes, row by row.</param>
internal sealed record IdxFile(int[] Shape, byte[] Values)
{
    private const int UnsignedBytes = 0x08;

    /// <summary>The number of rows.</summary>
    public int Rows => Shape[0];

    /// <summary>The number of bytes of a row.</summary>
    public int RowSize => Rows == 0 ? 0 : Values.Length / Rows;

    /// <summary>The bytes of a row.</summary>
    public ReadOnlySpan<byte> this[int row] => Values.AsSpan(row * RowSize, RowSize);

    /// <summary>Reads a file of unsigned bytes.</summary>
    /// <param name="path">The file, compressed if its name ends with .gz.</param>
    /// <param name="axes">The number of axes that it must have.</param>
    /// <exception cref="InvalidDataException">It is no such file, is cut off, or has other axes.</exception>
    public static IdxFile Read(string path, int axes)
    {
        using Stream stream = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? new GZipStream(File.OpenRead(path), CompressionMode.Decompress) : File.OpenRead(path);
        try
        {
            // 0, 0, the type, the number of axes; then the length of each.
            Span<byte> header = stackalloc byte[sizeof(int) * (1 + axes)];
            stream.ReadExactly(header);
            if (BinaryPrimitives.ReadInt32BigEndian(header) != (UnsignedBytes << 8 | axes))
            {
                throw new InvalidDataException($"'{path}' is no IDX file of bytes with {axes} axes.");
            }
            var shape = new int[axes];
            for (var i = 0; i < axes; i++)
            {
                shape[i] = BinaryPrimitives.ReadInt32BigEndian(header[(sizeof(int) * (i + 1))..]);
            }
            var size = shape.Aggregate(1L, (product, n) => n < 0 ? -1 : product * n);
            if (size < 0 || size > Array.MaxLength)
            {
                throw new InvalidDataException($"'{path}' is no IDX file, or too large: {string.Join(" x ", shape)}.");
            }
            var values = new byte[size];
            stream.ReadExactly(values);
            return new(shape, values);
        }
        catch (EndOfStreamException e)
        {
            throw new InvalidDataException($"'{path}' is cut off.", e);
        }
    }
}
