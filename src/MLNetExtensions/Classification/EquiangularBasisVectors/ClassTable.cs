using System.Numerics;
using System.Runtime.InteropServices;
using MLNetExtensions.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>Classes that came together.</summary>
/// <param name="Vectors">A unit row for each, [n, d].</param>
/// <param name="Offsets">What is taken from their cosines, [n], infinity from a class that must not win; null = nothing.</param>
internal sealed record ClassBlock(Tensor Vectors, Tensor? Offsets = null);

/// <summary>The best classes of some rows, row by row, the best first and of equal ones the lower number.</summary>
/// <param name="Classes">Their numbers, [B, k]; -1 where the embedding is not finite.</param>
/// <param name="Cosines">Their cosines less offsets, [B, k].</param>
/// <param name="Probabilities">Their parts of the softmax over all classes, [B, k].</param>
internal sealed record TopClasses(int[] Classes, float[] Cosines, float[] Probabilities);

/// <summary>The class vectors to score by. It grows by blocks, each multiplied by itself: the scores of the classes before stay as they are, bit for bit.</summary>
internal sealed class ClassTable : IDisposable
{
    // The cosines of a chunk of classes in the search for the best.
    private const long ChunkBytes = 1 << 20;

    private readonly ParameterSet _tensors = new();
    private readonly List<ClassBlock> _blocks = [];

    /// <summary>Keeps a handle of its own on each tensor.</summary>
    internal ClassTable(params IReadOnlyList<ClassBlock> blocks)
    {
        using var scope = NewDisposeScope();
        foreach (var (i, block) in blocks.Index())
        {
            _blocks.Add(new(Keep($"{i}.vectors", block.Vectors), block.Offsets is null ? null : Keep($"{i}.offsets", block.Offsets)));
        }

        Tensor Keep(string name, Tensor tensor) => _tensors.Add(name, tensor.detach().alias(), trainable: false);
    }

    internal IReadOnlyList<ClassBlock> Blocks => _blocks;

    /// <summary>C.</summary>
    internal int Count => (int)_blocks.Sum(block => block.Vectors.size(0));

    /// <summary>A table with more classes behind these.</summary>
    internal ClassTable Append(ClassBlock block) => new([.. _blocks, block]);

    /// <summary>The cosines [B, C] of unit embeddings [B, d], less offsets. The caller keeps a dispose scope open.</summary>
    internal Tensor Cosines(Tensor embedding) => _blocks.Count == 1 ? Cosines(embedding, _blocks[0]) : cat([.. _blocks.Select(block => Cosines(embedding, block))], 1);

    /// <summary>The cosines over the temperature, [B, C].</summary>
    internal Tensor Logits(Tensor embedding, double temperature)
    {
        using var inverse = (1 / temperature).ToScalar();
        return Cosines(embedding).mul(inverse);
    }

    /// <summary>The probabilities [B, C].</summary>
    internal Tensor Probabilities(Tensor embedding, double temperature) => Logits(embedding, temperature).softmax(1);

    /// <summary>The angles [B, C] between unit vectors with these cosines, in radians.</summary>
    internal static Tensor Angles(Tensor cosines) => cosines.clamp(TensorOps.Constant(-1), TensorOps.Constant(1)).acos();

    /// <summary>The best classes, without ever holding the cosines of all.</summary>
    /// <param name="embedding">Unit embeddings, Float32 [B, d].</param>
    /// <param name="temperature">The temperature of the probabilities.</param>
    /// <param name="k">How many, at most C.</param>
    internal TopClasses Top(Tensor embedding, double temperature, int k)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(k, Count);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var inverse = (1 / temperature).ToScalar();
        var rows = (int)embedding.size(0);
        var best = new TopClasses(new int[rows * k], new float[rows * k], new float[rows * k]);
        Array.Fill(best.Classes, -1);
        Array.Fill(best.Cosines, float.NaN);
        var filled = new int[rows];
        var logSum = full([rows], TensorOps.Constant(double.NegativeInfinity), dtype: ScalarType.Float32, device: embedding.device);
        var size = Math.Max(1, ChunkBytes / (sizeof(float) * Math.Max(1, rows)));
        var first = 0;
        foreach (var (vectors, offsets) in _blocks)
        {
            for (long start = 0; start < vectors.size(0); start += size)
            {
                using var chunk = NewDisposeScope();
                var count = Math.Min(size, vectors.size(0) - start);
                var cosines = Cosines(embedding, new(vectors.narrow(0, start, count), offsets?.narrow(0, start, count)));
                Search(cosines, first, k, best, filled);
                first += (int)count;
                logSum.copy_(logSum.logaddexp(cosines.mul_(inverse).logsumexp(1)));
            }
        }
        var host = logSum.cpu();
        var logSums = MemoryMarshal.Cast<byte, float>(host.bytes);
        for (var i = 0; i < best.Probabilities.Length; i++)
        {
            best.Probabilities[i] = (float)Math.Exp(best.Cosines[i] / temperature - logSums[i / k]);
        }
        GC.KeepAlive(host);
        return best;
    }

    public void Dispose() => _tensors.Dispose();

    private static Tensor Cosines(Tensor embedding, ClassBlock block)
    {
        var cosines = nn.functional.linear(embedding, block.Vectors);
        return block.Offsets is null ? cosines : cosines.Minus(block.Offsets);
    }

    /// <summary>Takes the cosines of a chunk of classes, numbered from <paramref name="first"/>, into the lists of the best.</summary>
    private static void Search(Tensor cosines, int first, int k, TopClasses best, int[] filled)
    {
        var host = cosines.cpu().contiguous();
        var count = (int)cosines.size(1);
        for (var row = 0; row < filled.Length; row++)
        {
            var values = MemoryMarshal.Cast<byte, float>(host.bytes).Slice(row * count, count);
            Search(values, first, best.Classes.AsSpan(row * k, k), best.Cosines.AsSpan(row * k, k), ref filled[row]);
        }
        GC.KeepAlive(host);
    }

    /// <summary>Takes the cosines of some classes of a row, numbered from <paramref name="first"/>, into the lists of its best, of which <paramref name="filled"/> are there.</summary>
    internal static void Search(ReadOnlySpan<float> values, int first, Span<int> classes, Span<float> cosines, ref int filled)
    {
        var i = 0;
        while (i < values.Length)
        {
            // Almost all are below the worst of the best: whole vectors of them are passed over.
            while (filled == cosines.Length && i <= values.Length - Vector<float>.Count && !Vector.GreaterThanAny(new Vector<float>(values[i..]), new Vector<float>(cosines[^1])))
            {
                i += Vector<float>.Count;
            }
            for (var end = Math.Min(i + Vector<float>.Count, values.Length); i < end; i++)
            {
                if (float.IsNaN(values[i]) || filled == cosines.Length && values[i] <= cosines[^1])
                {
                    continue;
                }
                var place = filled < cosines.Length ? filled++ : cosines.Length - 1;
                for (; place > 0 && values[i] > cosines[place - 1]; place--)
                {
                    (cosines[place], classes[place]) = (cosines[place - 1], classes[place - 1]);
                }
                (cosines[place], classes[place]) = (values[i], first + i);
            }
        }
    }
}
