using System.Security.Cryptography;
using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>Writes what belongs to a row into a tensor's memory.</summary>
internal delegate void WriteRow(int row, Span<byte> memory);

/// <summary>Rows as training examples, such as <c>input</c> and <c>target</c>: they lie on the device once; a batch gathers its rows there.</summary>
/// <param name="tensors">What a batch holds, by name: each with one entry or row for each row.</param>
/// <param name="first">The first row that is an example.</param>
/// <param name="count">The number of examples.</param>
internal sealed class RowSource(IReadOnlyDictionary<string, Tensor> tensors, int first, int count) : IBatchSource
{
    internal const string Input = "input";
    internal const string Target = "target";

    /// <summary>The name under which a batch has the numbers of its rows, Int64 [B].</summary>
    internal const string Row = "row";

    private const long ChunkValues = 1 << 22;

    public int Count => count;

    public Batch Take(ReadOnlySpan<int> indices)
    {
        var taken = new long[indices.Length];
        for (var i = 0; i < taken.Length; i++)
        {
            taken[i] = first + indices[i];
        }
        var index = tensor(taken, device: tensors.Values.First().device);
        var batch = new Batch(indices.Length) { [Row] = index };
        foreach (var (name, values) in tensors)
        {
            batch[name] = values.index_select(0, index);
        }
        return batch;
    }

    /// <summary>The first rows for training, the others, if there are any, for validation.</summary>
    internal static (RowSource Training, RowSource? Validation) Split(int training, int rows, Dictionary<string, Tensor> tensors)
        => (new(tensors, 0, training), training == rows ? null : new(tensors, training, rows - training));

    /// <summary>
    /// Makes a tensor of rows, on the device. In pieces: the memory of one tensor is reached as a span of at most 2 GB, and the device may be elsewhere.
    /// </summary>
    /// <param name="rows">The rows, in their order.</param>
    /// <param name="shape">Their number, and the dimensions of each.</param>
    /// <param name="type">The type of the values.</param>
    /// <param name="device">Where the tensor shall be.</param>
    /// <param name="hash">Is told all that is written.</param>
    /// <param name="write">Writes one row, whose memory is not cleared before.</param>
    internal static Tensor Fill(int[] rows, long[] shape, ScalarType type, Device device, IncrementalHash hash, WriteRow write)
    {
        var width = shape.Skip(1).Aggregate(1L, (product, n) => product * n);
        var result = empty(shape, dtype: type, device: device);
        var step = (int)Math.Max(1, ChunkValues / width);
        for (var start = 0; start < rows.Length; start += step)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(step, rows.Length - start);
            var chunk = empty([count, .. shape.AsSpan(1)], dtype: type, device: CPU);
            var memory = chunk.bytes;
            var size = memory.Length / count;
            for (var i = 0; i < count; i++)
            {
                write(rows[start + i], memory.Slice(i * size, size));
            }
            hash.AppendData(memory);
            result.narrow(0, start, count).copy_(chunk);
            GC.KeepAlive(chunk);
        }
        return result;
    }
}
