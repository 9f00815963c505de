using System.Globalization;
using System.Runtime.InteropServices;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>
/// How far features have collapsed to their class means, and these to a regular simplex (Papyan, Han and Donoho, 2020). 0 (<see cref="NearestMeanAgreement"/>: 1)
/// at full collapse; classes without rows are left out; NaN with fewer than two classes.
/// </summary>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed record NeuralCollapse : IDisplayed
{
    // Directions in which the means vary less than this part of the most count as none.
    private const double SmallestVariance = 1e-6;

    private const long BlockSize = 1 << 20;

    private static readonly NeuralCollapse s_undefined = new()
    {
        WithinClassVariability = double.NaN,
        SimplexDistance = double.NaN,
        LengthSpread = double.NaN,
        CosineSpread = double.NaN,
        CosineGap = double.NaN,
        NearestMeanAgreement = double.NaN,
    };

    /// <summary>NC1: trace(Σ_W pinv(Σ_B)) / C, the spread within classes against that between them.</summary>
    public required double WithinClassVariability { get; init; }

    /// <summary>NC2: the distance of the centred class means, by their scaled Gram matrix, from a simplex.</summary>
    public required double SimplexDistance { get; init; }

    /// <summary>The standard deviation over the mean of the lengths of the centred class means.</summary>
    public required double LengthSpread { get; init; }

    /// <summary>The standard deviation of the cosines between centred class means.</summary>
    public required double CosineSpread { get; init; }

    /// <summary>The mean distance of these cosines from -1/(C - 1).</summary>
    public required double CosineGap { get; init; }

    /// <summary>NC2b: the distance of the Gram matrices of class means and class vectors, each scaled; null without class vectors of the same dimension.</summary>
    public double? BasisDistance { get; init; }

    /// <summary>NC3: the distance of centred class vectors from centred class means, each scaled; null without class vectors of the same dimension.</summary>
    public double? Alignment { get; init; }

    /// <summary>NC4: the part of the rows whose nearest class mean is the class predicted.</summary>
    public required double NearestMeanAgreement { get; init; }

    /// <summary>One figure to a line.</summary>
    /// <returns>The figures, with what they are at full collapse.</returns>
    public override string ToString()
        => string.Join(Environment.NewLine, Figures().Select(figure => string.Create(CultureInfo.InvariantCulture, $"{figure.Name,-5} {figure.Value,8:F4}  ({figure.Goal} at full collapse)  {figure.What}")));

    /// <summary>The figures as a chart and a table, with what they are at full collapse.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml()
        => Html.Section("Neural collapse",
        [
            Html.BarChart("What is 0 at full collapse", [.. Figures().Where(figure => figure.Name.Length > 0 && figure.Goal == 0).Select(figure => (figure.Name, figure.Value))], full: 1),
            Html.Table("Figures", ["", "value", "at full collapse", "what"], Figures().Select(figure => (string[])[figure.Name, Html.Number(figure.Value), Html.Number(figure.Goal), figure.What])),
        ]);

    private IEnumerable<(string Name, double Value, int Goal, string What)> Figures()
    {
        (string, double?, int, string)[] all =
        [
            ("NC1", WithinClassVariability, 0, "spread within classes against that between them"),
            ("NC2", SimplexDistance, 0, "distance of the centred class means from a simplex"),
            ("", LengthSpread, 0, "spread of their lengths"),
            ("", CosineSpread, 0, "spread of the cosines between them"),
            ("", CosineGap, 0, "mean distance of these cosines from -1/(C - 1)"),
            ("NC2b", BasisDistance, 0, "distance of the class means from the class vectors, by their Gram matrices"),
            ("NC3", Alignment, 0, "distance of the centred class vectors from the centred class means"),
            ("NC4", NearestMeanAgreement, 1, "part of the rows whose nearest class mean is the predicted class"),
        ];
        foreach (var (name, value, goal, what) in all)
        {
            if (value is { } number)
            {
                yield return (name, number, goal, what);
            }
        }
    }

    /// <summary>Measures rows that the network has seen, in evaluation.</summary>
    /// <param name="features">[n, F]: unit embeddings, or features of the trunk.</param>
    /// <param name="labels">The numbers of their classes, Int64 [n].</param>
    /// <param name="predicted">The numbers of the classes predicted, Int64 [n].</param>
    /// <param name="classes">C.</param>
    /// <param name="vectors">The class vectors, [C, F]; null, or of another dimension = without the figures that compare with them.</param>
    internal static NeuralCollapse Measure(Tensor features, Tensor labels, Tensor predicted, int classes, Tensor? vectors)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var h = features.to(ScalarType.Float64);
        var counts = labels.bincount(null!, classes).to(ScalarType.Float64);
        var isPresent = counts.gt(TensorOps.Constant(0)).to(ScalarType.Int64);
        var present = isPresent.nonzero().squeeze(1);
        var count = present.size(0);
        if (count < 2)
        {
            return s_undefined;
        }
        counts = counts.index_select(0, present);
        var sums = zeros([classes, h.size(1)], dtype: ScalarType.Float64, device: h.device).index_add_(0, labels, h, TensorOps.One);
        var means = sums.index_select(0, present).DividedBy(counts.unsqueeze(1));
        // The place of each class among those with rows; only theirs are looked up.
        var ranks = isPresent.cumsum(0);
        var place = ranks.Minus(ones_like(ranks)).index_select(0, labels);
        var centred = means.Minus(means.mean([0], keepdim: true));
        var lengths = centred.norm(1, keepdim: true);
        var w = vectors is null || vectors.size(1) != h.size(1) ? null : vectors.to(ScalarType.Float64, h.device).index_select(0, present);
        var (cosineSpread, cosineGap) = Cosines(EbvModule.Normalize(centred));
        return new()
        {
            WithinClassVariability = Within(h, means, place, counts, centred),
            // With D the centred means and ||D D'|| = ||D' D||; their rows sum to 0, so that of the simplex only the diagonal is met.
            SimplexDistance = Distance(Squares(centred) / Math.Sqrt(count - 1), Norm(centred.t().mm(centred)), 1),
            LengthSpread = Number(lengths.std(unbiased: false).DividedBy(lengths.mean())),
            CosineSpread = cosineSpread,
            CosineGap = cosineGap,
            BasisDistance = w is null ? null : Distance(Squares(means.t().mm(w)), Norm(means.t().mm(means)), Norm(w.t().mm(w))),
            Alignment = w is null ? null : Align(w.Minus(w.mean([0], keepdim: true)), centred),
            NearestMeanAgreement = Agreement(h, means, present, predicted),
        };
    }

    /// <summary>trace(Σ_W pinv(Σ_B)) / C: the rows less their means, seen along the directions in which the means vary, each scaled to variance 1.</summary>
    private static double Within(Tensor h, Tensor means, Tensor place, Tensor counts, Tensor centred)
    {
        var count = centred.size(0);
        var between = centred.t().mm(centred).Times(1.0 / count);
        if (!between.isfinite().all().item<bool>())
        {
            return double.NaN;
        }
        var (variances, directions) = linalg.eigh(between);
        double[] values = Values(variances);
        var kept = values.Count(value => value > SmallestVariance * values[^1]);
        if (kept == 0)
        {
            return double.NaN;
        }
        var scaled = directions.narrow(1, values.Length - kept, kept).DividedBy(variances.narrow(0, values.Length - kept, kept).sqrt());
        var sum = 0.0;
        ForRows(h, (rows, start, size) =>
        {
            var own = place.narrow(0, start, size);
            var along = rows.Minus(means.index_select(0, own)).mm(scaled);
            sum += Number(along.Times(along).sum(1).DividedBy(counts.index_select(0, own)).sum());
        });
        return sum / count / count;
    }

    /// <summary>Of the cosines between different rows the standard deviation, and the mean distance from -1/(C - 1).</summary>
    private static (double Spread, double Gap) Cosines(Tensor unit)
    {
        var count = unit.size(0);
        double expected = -1.0 / (count - 1), sum = 0, squares = 0, gaps = 0;
        double pairs = (double)count * (count - 1);
        // Relative to the expected value, so that nothing cancels when they are close to it; the diagonal is set to it.
        ForRows(unit, (rows, start, size) =>
        {
            var off = rows.mm(unit.t()).Plus(-expected);
            off.narrow(1, start, size).diagonal().zero_();
            sum += Number(off.sum());
            squares += Number(off.Times(off).sum());
            gaps += Number(off.abs().sum());
        });
        var mean = sum / pairs;
        return (Math.Sqrt(Math.Max(0, squares / pairs - mean * mean)), gaps / pairs);
    }

    private static double Align(Tensor vectors, Tensor centred)
        => Number(vectors.DividedBy(vectors.norm()).Minus(centred.DividedBy(centred.norm())).norm());

    private static double Agreement(Tensor h, Tensor means, Tensor present, Tensor predicted)
    {
        var half = means.Times(means).sum(1).Times(0.5);
        var agreeing = 0.0;
        ForRows(h, (rows, start, size) =>
        {
            // The nearest has the largest h·mu - |mu|²/2.
            var nearest = present.index_select(0, rows.mm(means.t()).Minus(half).argmax(1));
            agreeing += Number(nearest.eq(predicted.narrow(0, start, size)).sum());
        });
        return agreeing / h.size(0);
    }

    /// <summary>||A/|A| - B/|B||| from the product of A and B and their norms.</summary>
    private static double Distance(double product, double normA, double normB) => Math.Sqrt(Math.Max(0, 2 - 2 * product / (normA * normB)));

    private static void ForRows(Tensor rows, Action<Tensor, long, long> action)
    {
        var size = Math.Max(1, BlockSize / rows.size(1));
        for (long start = 0; start < rows.size(0); start += size)
        {
            using var block = NewDisposeScope();
            var count = Math.Min(size, rows.size(0) - start);
            action(rows.narrow(0, start, count), start, count);
        }
    }

    private static double Squares(Tensor tensor) => Number(tensor.Times(tensor).sum());

    private static double Norm(Tensor tensor) => Math.Sqrt(Squares(tensor));

    private static double Number(Tensor scalar) => scalar.to(ScalarType.Float64).cpu().item<double>();

    private static double[] Values(Tensor tensor)
    {
        var host = tensor.cpu().contiguous();
        double[] values = [.. MemoryMarshal.Cast<byte, double>(host.bytes)];
        GC.KeepAlive(host);
        return values;
    }
}
