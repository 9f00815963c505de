using System.Numerics;
using System.Runtime.InteropServices;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tensors;

/// <summary>
/// CP by ridge regression, one mode after the other: A_n[a] = (Zᵀ Z + λ I)⁻¹ Zᵀ y over the cells of entity a, where a row of Z is the product of the cell's factors in the other modes; 0 for
/// an entity without cells. In double precision.
/// </summary>
/// <remarks>R rank, S the rank rounded up to whole vectors: a row is S numbers, the last ones 0, so that no loop has a rest.</remarks>
internal sealed class RidgeAls
{
    private const double SmallestPivot = 1e-14;

    private static readonly int s_lanes = Vector<double>.Count;

    private readonly TensorCells _cells;
    private readonly int[] _train;
    private readonly double _ridge;
    private readonly double _center;
    private readonly int _numberOfThreads;
    private readonly int _rank;
    private readonly int _width;
    private readonly double[][] _factors;

    // For each mode the training cells by entity, and where the cells of each entity begin.
    private readonly (int[] Cells, int[] Starts)[] _byEntity;

    /// <summary>Prepares a fit; the factors are 0 yet.</summary>
    /// <param name="cells">The cells.</param>
    /// <param name="train">The numbers of the cells to fit.</param>
    /// <param name="entities">D_n of each mode.</param>
    /// <param name="rank">R.</param>
    /// <param name="ridge">λ.</param>
    /// <param name="center">What is added to all values.</param>
    /// <param name="numberOfThreads">The threads of a sweep; the result does not depend on them.</param>
    internal RidgeAls(TensorCells cells, int[] train, IReadOnlyList<int> entities, int rank, double ridge, double center = 0, int numberOfThreads = 1)
    {
        (_cells, _train, _rank, _ridge, _center, _numberOfThreads) = (cells, train, rank, ridge, center, numberOfThreads);
        _width = (rank + s_lanes - 1) / s_lanes * s_lanes;
        _factors = [.. entities.Select(count => new double[count * _width])];
        _byEntity = [.. entities.Select((count, mode) => Sort(mode, count))];
    }

    /// <summary>R.</summary>
    internal int Rank => _rank;

    /// <summary>Draws the factors: 0.5 + R^(-1/2N) N(0, 1).</summary>
    internal void Start(Generator generator)
    {
        using var scope = NewDisposeScope();
        var deviation = Math.Pow(_rank, -0.5 / _factors.Length);
        foreach (var (mode, table) in _factors.Index())
        {
            var drawn = Initialization.Normal(empty([table.Length / _width, _rank], dtype: ScalarType.Float64, device: CPU), deviation, generator);
            var values = MemoryMarshal.Cast<byte, double>(drawn.bytes).ToArray();
            GC.KeepAlive(drawn);
            Put(mode, [.. values.Select(value => 0.5 + value)]);
        }
    }

    /// <summary>Sets the factors of a mode, D_n rows of R numbers.</summary>
    internal void Put(int mode, ReadOnlySpan<double> values)
    {
        var table = _factors[mode];
        for (var entity = 0; entity < table.Length / _width; entity++)
        {
            values.Slice(entity * _rank, _rank).CopyTo(table.AsSpan(entity * _width));
        }
    }

    /// <summary>The factors of a mode, D_n rows of R numbers.</summary>
    internal double[] Get(int mode)
    {
        var table = _factors[mode];
        var values = new double[table.Length / _width * _rank];
        for (var entity = 0; entity < table.Length / _width; entity++)
        {
            table.AsSpan(entity * _width, _rank).CopyTo(values.AsSpan(entity * _rank));
        }
        return values;
    }

    /// <summary>Gives the entities without cells the mean factors of the others of their mode.</summary>
    internal void FillUnseen()
    {
        foreach (var (mode, (_, starts)) in _byEntity.Index())
        {
            var mean = new double[_width];
            var seen = 0;
            for (var entity = 0; entity < starts.Length - 1; entity++)
            {
                if (starts[entity] < starts[entity + 1])
                {
                    seen++;
                    for (var r = 0; r < _rank; r++)
                    {
                        mean[r] += _factors[mode][entity * _width + r];
                    }
                }
            }
            for (var entity = 0; entity < starts.Length - 1; entity++)
            {
                for (var r = 0; r < _rank && starts[entity] == starts[entity + 1]; r++)
                {
                    _factors[mode][entity * _width + r] = mean[r] / seen;
                }
            }
        }
    }

    /// <summary>Renews the factors of all modes, each from those already renewed.</summary>
    internal void Sweep()
    {
        for (var mode = 0; mode < _factors.Length; mode++)
        {
            var current = mode;
            var entities = _byEntity[mode].Starts.Length - 1;
            var parts = Math.Min(_numberOfThreads, entities);
            if (parts == 1)
            {
                Solve(current, 0, entities);
            }
            else
            {
                Parallel.For(0, parts, new ParallelOptions { MaxDegreeOfParallelism = parts }, part => Solve(current, (int)((long)entities * part / parts), (int)((long)entities * (part + 1) / parts)));
            }
        }
    }

    /// <summary>The prediction for a cell, less what is added to all values.</summary>
    internal double Predict(ReadOnlySpan<int> cell)
    {
        Span<double> product = stackalloc double[_width];
        Features(cell, product);
        return Sum(product) - _center;
    }

    /// <summary>p - y.</summary>
    /// <param name="row">The number of a cell.</param>
    /// <param name="features">Is given phi, S numbers.</param>
    internal double Residual(int row, Span<double> features)
    {
        Features(_cells[row], features);
        return Sum(features) - _center - _cells.Values[row];
    }

    /// <summary>phi of a cell: the product of the factors of all modes, or of all but one.</summary>
    internal void Features(ReadOnlySpan<int> cell, Span<double> product, int without = -1)
    {
        var vectors = MemoryMarshal.Cast<double, Vector<double>>(product);
        var isFirst = true;
        for (var mode = 0; mode < cell.Length; mode++)
        {
            if (mode == without)
            {
                continue;
            }
            var factors = MemoryMarshal.Cast<double, Vector<double>>(_factors[mode].AsSpan(cell[mode] * _width, _width));
            for (var k = 0; k < vectors.Length; k++)
            {
                vectors[k] = isFirst ? factors[k] : vectors[k] * factors[k];
            }
            isFirst = false;
        }
    }

    /// <summary>The length of a row: R rounded up.</summary>
    internal int Width => _width;

    /// <summary>The inner product of two rows.</summary>
    internal static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var x = MemoryMarshal.Cast<double, Vector<double>>(a);
        var y = MemoryMarshal.Cast<double, Vector<double>>(b);
        var sum = Vector<double>.Zero;
        for (var k = 0; k < x.Length; k++)
        {
            sum += x[k] * y[k];
        }
        return Vector.Sum(sum);
    }

    /// <summary>target += factor row.</summary>
    internal static void Add(Span<double> target, double factor, ReadOnlySpan<double> row)
    {
        var to = MemoryMarshal.Cast<double, Vector<double>>(target);
        var from = MemoryMarshal.Cast<double, Vector<double>>(row);
        var times = new Vector<double>(factor);
        for (var k = 0; k < to.Length; k++)
        {
            to[k] += times * from[k];
        }
    }

    private static double Sum(ReadOnlySpan<double> row)
    {
        var sum = 0.0;
        foreach (var value in row)
        {
            sum += value;
        }
        return sum;
    }

    private (int[] Cells, int[] Starts) Sort(int mode, int count)
    {
        var starts = new int[count + 1];
        foreach (var row in _train)
        {
            starts[_cells[row][mode] + 1]++;
        }
        for (var entity = 0; entity < count; entity++)
        {
            starts[entity + 1] += starts[entity];
        }
        var sorted = new int[_train.Length];
        int[] next = [.. starts];
        foreach (var row in _train)
        {
            sorted[next[_cells[row][mode]]++] = row;
        }
        return (sorted, starts);
    }

    private void Solve(int mode, int first, int end)
    {
        var (sorted, starts) = _byEntity[mode];
        var normal = new double[_rank * _width];
        var right = new double[_width];
        var z = new double[_width];
        for (var entity = first; entity < end; entity++)
        {
            Array.Clear(normal);
            Array.Clear(right);
            foreach (var row in sorted.AsSpan(starts[entity], starts[entity + 1] - starts[entity]))
            {
                Features(_cells[row], z, mode);
                double weight = _cells.WeightOf(row);
                for (var r = 0; r < _rank; r++)
                {
                    Add(normal.AsSpan(r * _width, _width), weight * z[r], z);
                }
                Add(right, weight * (_cells.Values[row] + _center), z);
            }
            if (starts[entity] < starts[entity + 1])
            {
                SolveNormal(normal, right);
            }
            right.CopyTo(_factors[mode], entity * _width);
        }
    }

    /// <summary>Solves (N + λ I) x = b by Cholesky's decomposition; x takes the place of b.</summary>
    private void SolveNormal(double[] normal, double[] right)
    {
        for (var j = 0; j < _rank; j++)
        {
            var row = normal.AsSpan(j * _width, _width);
            for (var k = 0; k < j; k++)
            {
                row[k] = (row[k] - Product(row, normal.AsSpan(k * _width), k)) / normal[k * _width + k];
            }
            var diagonal = row[j] + _ridge;
            // Rounding may turn a small pivot negative, where the cells of an entity are far larger than λ.
            row[j] = Math.Sqrt(Math.Max(diagonal - Product(row, row, j), SmallestPivot * diagonal));
            right[j] = (right[j] - Product(row, right, j)) / row[j];
        }
        for (var j = _rank - 1; j >= 0; j--)
        {
            right[j] /= normal[j * _width + j];
            for (var k = 0; k < j; k++)
            {
                right[k] -= normal[j * _width + k] * right[j];
            }
        }
    }

    private static double Product(ReadOnlySpan<double> a, ReadOnlySpan<double> b, int count)
    {
        var sum = 0.0;
        for (var k = 0; k < count; k++)
        {
            sum += a[k] * b[k];
        }
        return sum;
    }
}
