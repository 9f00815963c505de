using System.Runtime.InteropServices;
using MLNetExtensions.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>
/// Problems of about one size and with as many classes as tensors [B, K, N], N the padded number of rows. A row of padding has no neighbours, no assignments and no
/// weight. How far a problem is padded depends on its size alone. Rows and features are padded to whole lines of memory: products of matrices round as their place in
/// memory makes them, and the numbers of a problem must not depend on its neighbours in the batch.
/// </summary>
internal sealed class ProblemBatch : IDisposable
{
    /// <summary>The rows of larger problems are not padded.</summary>
    internal const int LargestPadded = 4096;

    private const int Padding = 16;

    private const long LargestCached = 1 << 19;

    /// <summary>The elements of a part of a large table.</summary>
    private const long PartElements = 1 << 16;

    /// <summary>The logarithm of an assignment of 0: far below what an exponential can tell from 0, and finite, so that its product with 0 is 0.</summary>
    private const double LogOfZero = -1000;

    /// <summary>The cost of a class that a problem does not have.</summary>
    private const double AbsentCost = 1e20;

    private const double LeastLength = 1e-12;
    private const double PowerOffset = 1e-6;
    private const double RectificationSharpness = 10;

    private const double SelectedShare = 0.8;

    private readonly List<Tensor> _kept = [];

    /// <summary>Reads the rows and transforms them.</summary>
    internal ProblemBatch(FewShotRows rows, int[] problems, FewShotSettings settings, double[]? baseMean, ScalarType type, Device device)
    {
        Problems = problems;
        Sizes = [.. problems.Select(rows.Size)];
        RowCount = PaddedSize(Sizes[0]);
        Classes = rows.Classes[problems[0]];
        Dimension = rows.Dimension;
        Clusters = rows.Clusters;
        Type = type;
        Device = device;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var labels = ReadLabels(rows).to(device);
        Valid = Keep(labels.ge(TensorOps.Constant(-1)));
        Labelled = Keep(labels.ge(TensorOps.Constant(0)));
        LabelWeights = Keep(labels.eq(Numbers(Classes, device).view(1, -1, 1)).to(type));
        LabelledRows = Keep(LabelWeights.sum(2, keepdim: true));
        var features = ReadFeatures(rows).to(device);
        Transform(features, settings.Transform, baseMean);
        Shift = Keep(settings.ShiftQueries ? ShiftQueries(features) : zeros([Count, 1, features.size(2)], dtype: type, device: device));
        Points = new(features);
        Sums = new((long)Count * RowCount, Classes, type, device);
    }

    /// <summary>The numbers of the problems.</summary>
    internal int[] Problems { get; }

    /// <summary>The number of rows of each problem.</summary>
    internal int[] Sizes { get; }

    /// <summary>B.</summary>
    internal int Count => Problems.Length;

    /// <summary>N.</summary>
    internal int RowCount { get; }

    /// <summary>K.</summary>
    internal int Classes { get; }

    /// <summary>The number of features, without padding.</summary>
    internal int Dimension { get; }

    /// <summary>How many of the last classes are clusters.</summary>
    internal int Clusters { get; }

    internal ScalarType Type { get; }

    internal Device Device { get; }

    internal FewShotPoints Points { get; }

    /// <summary>Which rows are none of the padding, Bool [B, 1, N].</summary>
    internal Tensor Valid { get; }

    /// <summary>Which rows are labelled, Bool [B, 1, N].</summary>
    internal Tensor Labelled { get; }

    /// <summary>1 in the class of a labelled row, else 0, [B, K, N].</summary>
    internal Tensor LabelWeights { get; }

    /// <summary>The number of labelled rows of each class, [B, K, 1].</summary>
    internal Tensor LabelledRows { get; }

    /// <summary>By what unlabelled rows were moved, [B, 1, D].</summary>
    internal Tensor Shift { get; }

    /// <summary>Sums over the neighbours of rows.</summary>
    internal NeighborSums Sums { get; }

    /// <summary>The rows of a problem in the order in which they stand here; null: as they came.</summary>
    internal int[]? Order { get; private set; }

    /// <summary>Gives the rows of a problem that is alone and not padded another order.</summary>
    internal void Reorder(int[] order)
    {
        using var scope = NewDisposeScope();
        var places = tensor(order, device: Device);
        Labelled.copy_(Labelled.index_select(2, places));
        LabelWeights.copy_(LabelWeights.index_select(2, places));
        Points.Reorder(places);
        Order = order;
    }

    /// <summary>Puts values of rows, as many of each, back into the order in which the rows came.</summary>
    internal void Restore(ReadOnlySpan<float> values, Span<float> restored)
    {
        if (Order is null)
        {
            values.CopyTo(restored);
            return;
        }
        var width = values.Length / Order.Length;
        for (var i = 0; i < Order.Length; i++)
        {
            values.Slice(i * width, width).CopyTo(restored[(Order[i] * width)..]);
        }
    }

    /// <summary>The number of rows that a problem is padded to.</summary>
    internal static int PaddedSize(int size) => size > LargestPadded ? size : PadToLine(size);

    private static int PadToLine(int size) => Math.Max(1, (size + Padding - 1) / Padding) * Padding;

    /// <summary>After how many steps the host asks which problems still move: always on the CPU, on a GPU only now and then, because it waits for the answer.</summary>
    internal static int StepsBetweenQuestions(Device device) => device.type == DeviceType.CPU ? 1 : 5;

    /// <summary>Whether the problems that still move are so few that copying them out of the batch pays.</summary>
    internal static bool IsWorthSelecting(long moving, long all) => moving <= all * SelectedShare;

    /// <summary>Whether a table [B, K, N] no longer fits into the caches of a processor.</summary>
    internal bool IsLarge => Device.type == DeviceType.CPU && (long)Count * Classes * RowCount > LargestCached;

    /// <summary>Does something with all of [B, K, N], some rows at a time.</summary>
    internal static void ForParts(Tensor table, Action<Tensor, long> action)
    {
        var length = Math.Max(1, PartElements / (table.size(0) * table.size(1)));
        for (var start = 0L; start < table.size(2); start += length)
        {
            using var step = NewDisposeScope();
            action(table.narrow(2, start, Math.Min(length, table.size(2) - start)), start);
        }
    }

    /// <summary>The logarithm of weights of 0 and 1.</summary>
    internal static Tensor LogOf(Tensor weights, double logOfZero = LogOfZero)
        => weights.Times(-logOfZero).Plus(logOfZero);

    /// <summary>
    /// 1 in the class with the largest value, of equal ones the first, else 0; rows of padding have none. [B, K, N].
    /// </summary>
    internal static Tensor Best(Tensor values, Tensor valid)
    {
        using var scope = NewDisposeScope();
        // The place of a maximum along this dimension takes ten times as long to find as its value.
        var rank = Numbers(values.size(1), values.device).neg().to(values.dtype).view(1, -1, 1).add_(TensorOps.Constant(values.size(1)), TensorOps.One);
        var best = values.eq(values.amax([1], keepdim: true)).Times(rank);
        return best.eq(best.amax([1], keepdim: true)).logical_and_(valid).to(values.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The prototypes of the start: the means of labelled rows, rectified where asked for; where a seed is given, the seed. Classes without either are clusters, then
    /// k-means++ chooses; else they are absent.
    /// </summary>
    /// <returns>
    /// The prototypes [B, K, D]; what to add to the costs of absent classes, [B, K, 1], null: none is absent; whether another <paramref name="seed"/> gives others.
    /// </returns>
    internal (Tensor Prototypes, Tensor? AbsentCosts, bool IsRandom) Start(FewShotSettings settings, FewShotSeeds? seeds, ulong seed)
    {
        using var scope = NewDisposeScope();
        var present = LabelledRows.gt(TensorOps.Constant(0));
        var prototypes = Points.WeightedSums(LabelWeights).div_(LabelledRows.clamp_min(TensorOps.One));
        if (settings.Rectify != FewShotRectification.None)
        {
            prototypes = Rectify(prototypes, present, settings.Rectify);
        }
        if (seeds is not null)
        {
            var given = ReadSeeds(seeds).to(Type, Device);
            var isGiven = given.isnan().any(2, true).logical_not();
            prototypes = where(isGiven, given, prototypes);
            present = present.logical_or(isGiven);
        }
        var known = Copy<bool>(present);
        bool absent = false, random = false;
        for (var b = 0; b < Count; b++)
        {
            var missing = Enumerable.Range(0, Classes).Where(k => !known[b * Classes + k]).ToArray();
            var clusters = missing.Where(k => k >= Classes - Clusters).Select(k => (long)k).ToArray();
            absent |= missing.Length > clusters.Length;
            if (clusters.Length > 0)
            {
                random = true;
                using var step = NewDisposeScope();
                var there = Enumerable.Range(0, Classes).Where(k => known[b * Classes + k]).Select(k => (long)k).ToArray();
                var first = there.Length > 0 ? prototypes[b].index_select(0, tensor(there, device: Device)) : null;
                var all = Seeding.KMeansPlusPlus(Points.Features[b].narrow(0, 0, Sizes[b]), first, there.Length + clusters.Length, seed);
                prototypes[b].index_copy_(0, tensor(clusters, device: Device), all.narrow(0, there.Length, clusters.Length));
            }
        }
        var costs = absent ? present.logical_not().to(Type).Times(AbsentCost) : null;
        if (costs is not null && Clusters > 0)
        {
            costs.narrow(1, Classes - Clusters, Clusters).zero_();
        }
        return (prototypes.MoveToOuterDisposeScope(), costs?.MoveToOuterDisposeScope(), random);
    }

    /// <summary>0, 1, …, Int64.</summary>
    internal static Tensor Numbers(long count, Device device)
    {
        using var end = count.ToScalar();
        return arange(TensorOps.Constant(0), end, TensorOps.One, dtype: ScalarType.Int64, device: device);
    }

    /// <summary>The values of a tensor.</summary>
    internal static T[] Copy<T>(Tensor tensor)
        where T : unmanaged
    {
        using var scope = NewDisposeScope();
        var host = tensor.cpu().contiguous();
        var values = MemoryMarshal.Cast<byte, T>(host.bytes).ToArray();
        GC.KeepAlive(host);
        return values;
    }

    /// <summary>The values of […, D] row by row, without padding.</summary>
    internal double[] Values(Tensor values)
    {
        using var scope = NewDisposeScope();
        return Copy<double>(values.narrow(1, 0, Dimension).to(ScalarType.Float64));
    }

    /// <summary>The values of [K, N] of a problem row by row, without padding.</summary>
    internal double[] RowMajor(Tensor values, int slot)
    {
        using var scope = NewDisposeScope();
        return Copy<double>(values.narrow(1, 0, Sizes[slot]).t().to(ScalarType.Float64));
    }

    /// <summary>The places of what is true in Bool [B].</summary>
    internal static long[] Places(Tensor flags)
    {
        var values = Copy<bool>(flags);
        return [.. Enumerable.Range(0, values.Length).Where(i => values[i]).Select(i => (long)i)];
    }

    public void Dispose()
    {
        Points.Dispose();
        Sums.Dispose();
        _kept.ForEach(tensor => tensor.Dispose());
    }

    private Tensor Keep(Tensor tensor)
    {
        _kept.Add(tensor.DetachFromDisposeScope());
        return tensor;
    }

    /// <summary>The class of each row, -1 for unlabelled ones, -2 for padding, Int64 [B, 1, N].</summary>
    private Tensor ReadLabels(FewShotRows rows)
    {
        var labels = empty([Count, 1, RowCount], dtype: ScalarType.Int64, device: CPU);
        var values = MemoryMarshal.Cast<byte, long>(labels.bytes);
        values.Fill(-2);
        for (var b = 0; b < Count; b++)
        {
            var start = rows.Starts[Problems[b]];
            for (var row = 0; row < Sizes[b]; row++)
            {
                values[b * RowCount + row] = Math.Max(-1, rows.Labels[start + row]);
            }
        }
        GC.KeepAlive(labels);
        return labels;
    }

    /// <summary>[B, N, D].</summary>
    private Tensor ReadFeatures(FewShotRows rows)
    {
        var width = RowCount > LargestPadded ? Dimension : PadToLine(Dimension);
        var features = width == Dimension ? empty([Count, RowCount, width], dtype: Type, device: CPU) : zeros([Count, RowCount, width], dtype: Type, device: CPU);
        for (var b = 0; b < Count; b++)
        {
            using var scope = NewDisposeScope();
            var own = features.select(0, b);
            var start = (long)rows.Starts[Problems[b]];
            // A span holds 2 GB at most.
            var most = (1 << 27) / width;
            for (var row = 0; row < Sizes[b]; row += most)
            {
                var count = Math.Min(most, Sizes[b] - row);
                var part = own.narrow(0, row, count);
                var from = checked((int)((start + row) * Dimension));
                if (Type == ScalarType.Float32)
                {
                    CopyRows(rows.Features.AsSpan(from, count * Dimension), MemoryMarshal.Cast<byte, float>(part.bytes), width);
                }
                else
                {
                    CopyRows(Exact(rows, from, count), MemoryMarshal.Cast<byte, double>(part.bytes), width);
                }
                GC.KeepAlive(part);
            }
            if (Sizes[b] < RowCount)
            {
                own.narrow(0, Sizes[b], RowCount - Sizes[b]).zero_();
            }
        }
        return features;
    }

    private ReadOnlySpan<double> Exact(FewShotRows rows, int from, int count)
        => rows.Exact is not null ? rows.Exact.AsSpan(from, count * Dimension) : Array.ConvertAll(rows.Features[from..(from + count * Dimension)], value => (double)value);

    private void CopyRows<T>(ReadOnlySpan<T> values, Span<T> rows, int width)
    {
        if (width == Dimension)
        {
            values.CopyTo(rows);
            return;
        }
        for (int from = 0, to = 0; from < values.Length; from += Dimension, to += width)
        {
            values.Slice(from, Dimension).CopyTo(rows[to..]);
        }
    }

    private void Transform(Tensor features, FewShotTransform transform, double[]? baseMean)
    {
        if (transform == FewShotTransform.None)
        {
            return;
        }
        var mean = transform != FewShotTransform.CenteredL2 ? null
            : baseMean is not null ? Pad(tensor(baseMean, device: Device).to(Type).view(1, 1, -1), features.size(2))
            : Valid.to(Type).bmm(features).div_(Counts(Valid));
        var padded = Sizes.Any(size => size < RowCount) ? Valid.to(Type).transpose(1, 2) : null;
        FewShotPoints.ForChunks(features, (rows, start) =>
        {
            if (mean is not null)
            {
                rows.sub_(mean);
            }
            else if (transform == FewShotTransform.PowerL2)
            {
                rows.narrow(2, 0, Dimension).clamp_min_(TensorOps.Constant(0)).add_(TensorOps.Constant(PowerOffset), TensorOps.One).sqrt_();
            }
            rows.div_(Length(rows));
            if (padded is not null)
            {
                rows.mul_(padded.narrow(1, start, rows.size(1)));
            }
        });
    }

    private Tensor ShiftQueries(Tensor features)
    {
        var queries = Valid.logical_and(Labelled.logical_not());
        var weights = queries.to(Type);
        var both = Labelled.any(2, true).logical_and_(queries.any(2, true)).to(Type);
        var shift = Labelled.to(Type).bmm(features).div_(Counts(Labelled)).sub_(weights.bmm(features).div_(Counts(queries))).mul_(both);
        var place = weights.transpose(1, 2);
        FewShotPoints.ForChunks(features, (rows, start) => rows.addcmul_(place.narrow(1, start, rows.size(1)), shift, TensorOps.One));
        return shift;
    }

    private Tensor Rectify(Tensor prototypes, Tensor present, FewShotRectification rectify)
    {
        var cosines = prototypes.div(Length(prototypes)).bmm(Points.Features.transpose(1, 2));
        FewShotPoints.ForChunks(Points.Features, (rows, start) => cosines.narrow(2, start, rows.size(1)).div_(Length(rows).transpose(1, 2)));
        cosines = where(present, cosines, zeros_like(cosines).add_(TensorOps.Constant(-AbsentCost), TensorOps.One));
        var chosen = Best(cosines, Valid);
        var weights = nn.functional.softmax(cosines.Times(RectificationSharpness), 1).mul_(chosen);
        var total = (rectify == FewShotRectification.Published ? chosen : weights).sum(2, keepdim: true);
        var received = total.gt(TensorOps.Constant(0));
        return where(received, Points.WeightedSums(weights).div_(total.clamp_min(TensorOps.Constant(LeastLength))), prototypes);
    }

    /// <summary>[B, K, D].</summary>
    private Tensor ReadSeeds(FewShotSeeds seeds)
    {
        var given = new double[Count * Classes * Dimension];
        Array.Fill(given, double.NaN);
        for (var b = 0; b < Count; b++)
        {
            seeds.Prototypes[Problems[b]].CopyTo(given.AsSpan(b * Classes * Dimension));
        }
        return Pad(tensor(given, [Count, Classes, Dimension], device: CPU), Points.Features.size(2));
    }

    /// <summary>[…, D] with zeros for the features of the padding.</summary>
    private Tensor Pad(Tensor values, long width)
        => width == Dimension ? values : cat([values, zeros([values.size(0), values.size(1), width - Dimension], dtype: values.dtype, device: values.device)], 2);

    private Tensor Counts(Tensor rows) => rows.sum(2, keepdim: true, type: Type).clamp_min_(TensorOps.One);

    private static Tensor Length(Tensor rows) => rows.Times(rows).sum(2, keepdim: true).sqrt_().clamp_min_(TensorOps.Constant(LeastLength));
}
