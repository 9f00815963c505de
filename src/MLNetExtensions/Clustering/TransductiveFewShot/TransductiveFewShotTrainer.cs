using System.Globalization;
using System.Numerics.Tensors;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>
/// Tells rows of new classes apart by a few labelled ones, looking at all the rows to be told together; without any label it finds clusters.
/// </summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// To create this trainer use
/// [TransductiveFewShot](xref:Microsoft.ML.ClusteringCatalogExtensions.TransductiveFewShot*).
///
/// ### Input and Output Columns
/// | Column | Type | Description |
/// | -- | -- | -- |
/// | features | Single or Double, vector of known size or scalar | embeddings do better than raw values |
/// | label, optional | key, made by `MapValueToKey` | missing in the rows without a label; `Fit` reads it, scoring never does |
/// | episode, optional | key, text, Int32 or Int64 | of scored data: rows with the same value are one problem |
/// | support label, optional | key | of scored data: the labels of an episode, missing in the rows to be told |
/// | `PredictedLabel` | key | the most probable class, with the values of the label; clusters are numbered; missing where a feature is not finite |
/// | `Score` | vector of Single | -ln of the probability of each class, at most 69.08: the smallest is best; NaN where a feature is not finite |
/// | `Probability` | vector of Single | the assignment to each class, from 0 to 1 |
///
/// ### What `Fit` and `Transform` See
/// ```text
///                  Fit(view)                                        Transform(view)
///
///   rows with a label ----+                         all rows of the view, or those of one episode
///   rows without one -----+--> one problem                               |
///                         |    (prototypes,          labelled rows of Fit -> one problem each, solved together
///                         |     objective)                  or           |
///                         |                          those of the episode's own support label column
///                         v                                              |
///      model: labelled rows, base mean,                                  v
///      lambda, prototypes --------------------->   PredictedLabel, Score, Probability of each row
/// ```
/// - `Fit` solves the problem of its own rows, with and without a label, which gives the prototypes, the objective and the first cluster numbers. Where scored data brings its own labels, in the support
///   label column, it solves none and only learns the base mean and, if asked, lambda.
/// - `Transform` solves again: the rows of the view are new rows to tell, whatever labels they have. To score some rows differently means to score all of their episode differently. Rows that `Fit` saw
///   are no exception: a labelled one among them is told like any other, beside its labelled twin.
/// - `Inference = Prototype`, or `model.ToInductive()`, looks at one row at a time, at the prototypes of `Fit`: for a `PredictionEngine`.
///
/// ### Trainer Characteristics
/// | | |
/// | -- | -- |
/// | Machine learning task | Clustering, few-shot classification |
/// | Is normalization required? | No; columns of very different scales should be normalized |
/// | Is caching required? | No, the data is read once |
/// | Required NuGet in addition to Microsoft.ML | MLNetExtensions and a native backend of TorchSharp |
/// | Exportable to ONNX | After ToInductive |
///
/// ### Training Algorithm Details
/// Transductive few-shot learning as regularised clustering ([arXiv 2106.09516](https://arxiv.org/abs/2106.09516)). Assignments and prototypes minimise the distances of rows to the prototypes of their
/// classes, less lambda times the agreement with the nearest neighbours, plus an entropy; labelled rows keep their class. Each step is a softmax for each row.
/// ]]></format>
/// </remarks>
public sealed partial class TransductiveFewShotTrainer : IEstimator<TransductiveFewShotTransformer>
{
    private const int MostNamesInMessages = 10;

    /// <summary>Starts times rows, unless the user wants more.</summary>
    private const int MostStartedRows = 300_000;

    private readonly IHost _host;
    private readonly Options _options;
    private readonly FewShotColumns _columns;
    private readonly int _seed;

    internal TransductiveFewShotTrainer(IHostEnvironment env, Options options)
    {
        Check.NotNull(env, options);
        _host = env.Register(nameof(TransductiveFewShotTrainer));
        options = options.Copy();
        CheckOptions(options);
        _options = options;
        _columns = FewShotColumns.Of(options);
        _seed = options.Seed ?? _host.Rand.Next();
    }

    /// <summary>Returns the schema that the trained model will give to data of the given shape.</summary>
    /// <param name="inputSchema">The shape of the data.</param>
    /// <returns>The columns of the input, <c>PredictedLabel</c>, <c>Score</c> and <c>Probability</c>.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="inputSchema"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Check.NotNull(_host, inputSchema);
        _columns.FeatureColumn().Check(_host, inputSchema);
        _columns.LabelColumn?.Check(_host, inputSchema);
        // Only scored data needs these.
        foreach (var column in new InputColumn?[] { _columns.EpisodeColumn, _columns.SupportLabelColumn })
        {
            if (column is not null && SchemaShapes.Find(inputSchema, column.Name) is not null)
            {
                column.Check(_host, inputSchema);
            }
        }
        return SchemaShapes.Append(inputSchema, _columns.Promise(inputSchema));
    }

    /// <summary>Learns from labelled and unlabelled rows together.</summary>
    /// <param name="input">The rows, with features and, unless clusters are looked for, a label in some of them.</param>
    /// <returns>The trained model.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="input"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A column is missing or has another type, the base mean has another number of values than there are features, or more classes have labelled rows than <c>NumberOfClusters</c> says.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// There are no rows; none has a label and <c>NumberOfClusters</c> is not set; there are fewer rows than clusters; clusters would need a name among keys whose values are no texts; a feature is not
    /// finite; λ cannot be chosen on so few labelled rows; or TorchSharp's native library is missing.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public TransductiveFewShotTransformer Fit(IDataView input)
    {
        Check.NotNull(_host, input);
        GetOutputSchema(SchemaShapes.Of(input.Schema));
        var device = TrainingHost.Device(_host);
        var label = _columns.LabelColumn;
        var labels = label is null ? null : ClassLabels.Of(_host, label.Find(_host, input.Schema));
        InputColumn?[] columns = [_columns.FeatureColumn(), label];
        var buffers = DataReader.Read(_host, input, _options.CancellationToken, [.. columns.OfType<InputColumn>()]);
        var features = (RowBuffer<float>)buffers[0];
        if (features.Count == 0)
        {
            throw Check.BadData(_host, "The training data has no rows.");
        }
        TrainingRows.CheckFinite(_host, _columns.Feature, features, Enumerable.Range(0, features.Count));
        var rowsOfLabels = labels is null ? [] : RowsOfLabels(labels, (RowBuffer<ulong>)buffers[1]);
        using var channel = _host.Start("Train");
        using var threads = TorchThreads.Use(_options.NumberOfThreads);
        // Whatever modes the caller is in.
        using var notInference = inference_mode(false);
        var task = new Task(features, labels, rowsOfLabels, BaseMean(features), device, channel);
        return _columns.SupportLabel is null ? Solve(task) : WithoutOwnProblem(task);
    }

    /// <summary>What <see cref="Fit"/> has read.</summary>
    private sealed record Task(RowBuffer<float> Features, ClassLabels? Labels, SortedDictionary<int, List<int>> RowsOfLabels, float[] BaseMean, Device Device, IChannel Channel);

    private TransductiveFewShotTransformer Solve(Task task)
    {
        var (features, rowsOfLabels) = (task.Features, task.RowsOfLabels);
        var labels = Classes(task);
        int[] known = [.. rowsOfLabels.Keys];
        var clusters = (_options.NumberOfClusters ?? known.Length) - known.Length;
        int[] classes = [.. known, .. Enumerable.Range(labels.Count - clusters, clusters)];
        WarnOfUnseenLabels(task, labels, classes);
        var settings = Settings(isClustering: known.Length == 0, hasClusters: clusters > 0, features.Count);
        settings = settings with { Lambda = SelectLambda(task, settings) };

        var classOfRow = new int[features.Count];
        Array.Fill(classOfRow, -1);
        foreach (var (place, rows) in rowsOfLabels.Values.Index())
        {
            foreach (var row in rows)
            {
                classOfRow[row] = place;
            }
        }
        var problem = new FewShotProblems(features[0].Length, features.Count);
        for (var row = 0; row < features.Count; row++)
        {
            problem.Add(features[row], classOfRow[row]);
        }
        problem.End(classes.Length);
        using var scope = NewDisposeScope();
        var solution = FewShotSolver.Solve(problem.ToRows(clusters), settings, task.BaseMean, seeds: null, task.Device, (ulong)_seed, ThrowIfCancelled, line => Report(task, line));
        if (!solution.Converged[0])
        {
            task.Channel.Warning($"The iteration has not converged after {solution.Iterations[0]} iterations: take a smaller {nameof(Options.Lambda)}, {nameof(FewShotStabilization.Damping)}, or more of them.");
        }
        Report(task, string.Create(CultureInfo.InvariantCulture, $"Solved in {solution.Iterations[0]} iterations: objective {solution.Objective[0].LastOrDefault(double.NaN):G6}."));

        int[] support = [.. Enumerable.Range(0, classOfRow.Length).Where(row => classOfRow[row] >= 0)];
        var model = new FewShotModel
        {
            Settings = settings,
            Seed = _seed,
            BaseMean = task.BaseMean,
            Classes = classes,
            LabelledClasses = known.Length,
            Prototypes = solution.Prototypes[0],
            Shift = solution.Shift[0],
            Sigma = solution.Sigma[0],
            Support = Gather(features, support),
            SupportClasses = [.. support.Select(row => classOfRow[row])],
            Fit = new(solution.Objective[0], solution.Iterations[0], solution.Converged[0], solution.Recall, Proportions(solution.LogAssignments, classOfRow, classes, labels.Count)),
        };
        return new(_host, model, _columns, labels, _options.Inference, task.Device);
    }

    /// <summary>A model for data that brings its own labels.</summary>
    private TransductiveFewShotTransformer WithoutOwnProblem(Task task)
    {
        var settings = Settings(isClustering: false, hasClusters: false, task.Features.Count);
        var model = new FewShotModel
        {
            Settings = settings with { Lambda = SelectLambda(task, settings) },
            Seed = _seed,
            BaseMean = task.BaseMean,
            Classes = [],
            LabelledClasses = 0,
            Prototypes = [],
            Shift = new float[task.BaseMean.Length],
            Sigma = 1,
            Support = [],
            SupportClasses = [],
            Fit = new([], 0, true, null, []),
        };
        return new(_host, model, _columns, labels: null, _options.Inference, task.Device);
    }

    /// <summary>The classes of the output: those of the label, and the clusters behind them; clusters alone where no row has a label.</summary>
    private ClassLabels Classes(Task task)
    {
        var (known, rows) = (task.RowsOfLabels.Count, task.Features.Count);
        if (_options.NumberOfClusters is not { } wanted)
        {
            return known > 0 ? task.Labels! : throw Check.BadData(_host, task.Labels is null
                ? $"There is no label column, and {nameof(Options.NumberOfClusters)} is not set: nothing says what to look for."
                : $"The label column '{_columns.Label}' is missing in all {rows} rows, and {nameof(Options.NumberOfClusters)} is not set: nothing says what to look for.");
        }
        Check.Option(_host, wanted >= known, _options.NumberOfClusters, $"Must not be below the number of classes with labelled rows, {known}");
        if (wanted > rows)
        {
            throw Check.BadData(_host, $"{wanted} clusters cannot be made of {rows} rows.");
        }
        if (wanted == known)
        {
            return task.Labels!;
        }
        try
        {
            return task.Labels is null ? ClassLabels.OfCount(wanted) : task.Labels.AddClusters(wanted - known, replace: known == 0);
        }
        catch (FormatException e)
        {
            throw Check.BadData(_host, $"Clusters cannot be added to the classes of the label column '{_columns.Label}', whose keys have values that are no texts: {e.Message}");
        }
    }

    private double SelectLambda(Task task, FewShotSettings settings)
        => _options.SelectLambda is { } selection
            ? new LambdaSelector(_host, selection, _columns.Label ?? "", task.Features, _seed)
                .Select(task.RowsOfLabels.Values.Select(rows => rows.ToArray()), settings, task.BaseMean, task.Device, ThrowIfCancelled, line => Report(task, line))
            : settings.Lambda;

    private void WarnOfUnseenLabels(Task task, ClassLabels labels, int[] classes)
    {
        int[] unseen = [.. Enumerable.Range(0, labels.Count).Except(classes)];
        if (unseen.Length > 0)
        {
            var names = string.Join(", ", unseen.Take(MostNamesInMessages).Select(labels.NameOf));
            task.Channel.Warning($"{unseen.Length} of the {labels.Count} classes of the label column '{_columns.Label}' have no labelled row and are never predicted: {names}{(unseen.Length > MostNamesInMessages ? ", …" : "")}.");
        }
    }

    private void Report(Task task, string line)
    {
        task.Channel.Info(line);
        _options.Progress?.Report(line);
    }

    private void ThrowIfCancelled()
    {
        Check.Alive(_host);
        _options.CancellationToken.ThrowIfCancellationRequested();
    }

    private float[] BaseMean(RowBuffer<float> features)
    {
        var dimension = features[0].Length;
        if (_options.BaseMean is { } given)
        {
            Check.Option(_host, given.Count == dimension, given.Count, $"Must have as many values as there are features, {dimension}", "options.BaseMean.Count");
            return [.. given];
        }
        var sums = new double[dimension];
        for (var row = 0; row < features.Count; row++)
        {
            var values = features[row];
            for (var i = 0; i < values.Length; i++)
            {
                sums[i] += values[i];
            }
        }
        return Array.ConvertAll(sums, sum => (float)(sum / features.Count));
    }

    /// <summary>The rows of each class that has any.</summary>
    private static SortedDictionary<int, List<int>> RowsOfLabels(ClassLabels labels, RowBuffer<ulong> keys)
    {
        var rows = new SortedDictionary<int, List<int>>();
        for (var row = 0; row < keys.Count; row++)
        {
            var key = keys[row][0];
            if (!labels.IsMissing(key))
            {
                if (!rows.TryGetValue((int)key - 1, out var list))
                {
                    rows.Add((int)key - 1, list = []);
                }
                list.Add(row);
            }
        }
        return rows;
    }

    private static float[] Gather(RowBuffer<float> features, int[] rows)
    {
        var dimension = features[0].Length;
        var gathered = new float[(long)rows.Length * dimension];
        foreach (var (place, row) in rows.Index())
        {
            features[row].CopyTo(gathered.AsSpan(place * dimension));
        }
        return gathered;
    }

    /// <summary>The share of each class of the output among the rows without a label.</summary>
    private static double[] Proportions(float[] logs, int[] classOfRow, int[] classes, int count)
    {
        var unlabelled = classOfRow.Count(label => label < 0);
        if (unlabelled == 0)
        {
            return [];
        }
        var shares = new double[count];
        for (var row = 0; row < classOfRow.Length; row++)
        {
            if (classOfRow[row] < 0)
            {
                shares[classes[TensorPrimitives.IndexOfMax<float>(logs.AsSpan(row * classes.Length, classes.Length))]] += 1.0 / unlabelled;
            }
        }
        return shares;
    }

    /// <summary>The settings that follow from the options.</summary>
    private FewShotSettings Settings(bool isClustering, bool hasClusters, int rows)
    {
        if (isClustering && _options.Preset == FewShotPreset.LaplacianShot)
        {
            throw Check.BadData(_host, $"{nameof(FewShotPreset.LaplacianShot)} needs labelled rows: there is none.");
        }
        var defaults = isClustering ? FewShotSettings.Clustering(_options.Preset) : FewShotSettings.FewShot(_options.Preset);
        return defaults with
        {
            Transform = _options.Transform ?? defaults.Transform,
            // Classes without a labelled row would be moved onto those with some.
            ShiftQueries = !isClustering && (_options.ShiftQueries ?? (defaults.ShiftQueries && !hasClusters)),
            Rectify = _options.Rectify ?? defaults.Rectify,
            Prototype = _options.Prototype ?? defaults.Prototype,
            Membership = _options.Membership ?? defaults.Membership,
            EnforceLabels = _options.EnforceLabels ?? defaults.EnforceLabels,
            NeighborCount = _options.NumberOfNeighbors ?? defaults.NeighborCount,
            Kernel = _options.Kernel ?? defaults.Kernel,
            KernelWidth = _options.KernelWidth ?? defaults.KernelWidth,
            Symmetrize = _options.Symmetrize ?? defaults.Symmetrize,
            Lambda = _options.Lambda ?? defaults.Lambda,
            Temperature = _options.Temperature ?? defaults.Temperature,
            Stabilize = _options.Stabilize ?? defaults.Stabilize,
            Sigma = _options.Sigma ?? defaults.Sigma,
            MaxInner = _options.MaximumNumberOfInnerIterations ?? defaults.MaxInner,
            InnerTolerance = _options.InnerTolerance ?? defaults.InnerTolerance,
            MaxOuter = _options.MaximumNumberOfOuterIterations ?? defaults.MaxOuter,
            OuterTolerance = _options.OuterTolerance ?? defaults.OuterTolerance,
            Restarts = _options.NumberOfRestarts ?? Math.Clamp(MostStartedRows / Math.Max(1, rows), 1, defaults.Restarts),
        };
    }

    private void CheckOptions(Options options)
    {
        Check.ColumnName(_host, options.FeatureColumnName);
        Check.Option(_host, options.LabelColumnName is not "", options.LabelColumnName, "Must be the name of a column, or null");
        Check.Option(_host, options.EpisodeColumnName is not "", options.EpisodeColumnName, "Must be the name of a column, or null");
        Check.Option(_host, options.SupportLabelColumnName is not "", options.SupportLabelColumnName, "Must be the name of a column, or null");
        Check.Option(_host, options.NumberOfClusters is null or > 0, options.NumberOfClusters, "Must be positive, or null");
        CheckDefined<FewShotInference>(options.Inference, "options.Inference");
        CheckDefined<FewShotPreset>(options.Preset, "options.Preset");
        CheckDefined(options.Transform, "options.Transform");
        CheckDefined(options.Rectify, "options.Rectify");
        CheckDefined(options.Prototype, "options.Prototype");
        CheckDefined(options.Membership, "options.Membership");
        CheckDefined(options.Kernel, "options.Kernel");
        CheckDefined(options.Symmetrize, "options.Symmetrize");
        CheckDefined(options.Stabilize, "options.Stabilize");
        Check.Option(_host, options.BaseMean is null || options.BaseMean.All(float.IsFinite), options.BaseMean, "Must hold finite values, or be null");
        Check.Option(_host, options.NumberOfNeighbors is null or >= 0, options.NumberOfNeighbors, "Must not be negative, or null");
        Check.Option(_host, options.KernelWidth is null || IsPositive(options.KernelWidth.Value), options.KernelWidth, "Must be positive and finite, or null");
        Check.Option(_host, options.Lambda is null || IsWeight(options.Lambda.Value), options.Lambda, "Must be finite and not negative, or null");
        Check.Option(_host, options.Temperature is null || IsPositive(options.Temperature.Value), options.Temperature, "Must be positive and finite, or null");
        Check.Option(_host, options.Sigma is null || IsPositive(options.Sigma.Value), options.Sigma, "Must be positive and finite, or null");
        Check.Option(_host, options.MaximumNumberOfInnerIterations is null or > 0, options.MaximumNumberOfInnerIterations, "Must be positive, or null");
        Check.Option(_host, options.InnerTolerance is null || IsWeight(options.InnerTolerance.Value), options.InnerTolerance, "Must be finite and not negative, or null");
        Check.Option(_host, options.MaximumNumberOfOuterIterations is null or > 0, options.MaximumNumberOfOuterIterations, "Must be positive, or null");
        Check.Option(_host, options.OuterTolerance is null || IsWeight(options.OuterTolerance.Value), options.OuterTolerance, "Must be finite and not negative, or null");
        Check.Option(_host, options.NumberOfRestarts is null or > 0, options.NumberOfRestarts, "Must be positive, or null");
        Check.Option(_host, options.NumberOfThreads is null or > 0, options.NumberOfThreads, "Must be positive, or null");
        Check.Option(_host, options.SupportLabelColumnName is null || options.Inference != FewShotInference.Prototype, options.SupportLabelColumnName,
            $"Must be null for {nameof(FewShotInference.Prototype)}: labels that come with scored data belong to no single row");
        Check.Option(_host, options.SupportLabelColumnName is null || options.NumberOfClusters is null, options.NumberOfClusters,
            $"Must be null beside {nameof(Options.SupportLabelColumnName)}, which brings the classes");
        if (options.SelectLambda is { } selection)
        {
            CheckSelection(options, selection);
        }
    }

    private void CheckSelection(Options options, FewShotLambdaSelection selection)
    {
        Check.Option(_host, options.Lambda is null, options.Lambda, $"Must be null where {nameof(Options.SelectLambda)} chooses it");
        Check.Option(_host, options.LabelColumnName is not null, options.LabelColumnName, $"Must be set where {nameof(Options.SelectLambda)} needs labelled rows");
        Check.Option(_host, selection.Candidates.Count > 0 && selection.Candidates.All(IsWeight), string.Join(", ", selection.Candidates), "Must be one number at least, each finite and not negative", "options.SelectLambda.Candidates");
        Check.Option(_host, selection.NumberOfWays >= 2, selection.NumberOfWays, "Must be at least 2", "options.SelectLambda.NumberOfWays");
        Check.Option(_host, selection.NumberOfShots > 0, selection.NumberOfShots, "Must be positive", "options.SelectLambda.NumberOfShots");
        Check.Option(_host, selection.NumberOfQueries > 0, selection.NumberOfQueries, "Must be positive", "options.SelectLambda.NumberOfQueries");
        Check.Option(_host, selection.NumberOfEpisodes > 0, selection.NumberOfEpisodes, "Must be positive", "options.SelectLambda.NumberOfEpisodes");
    }

    private void CheckDefined<TEnum>(TEnum? value, string name)
        where TEnum : struct, Enum
        => Check.Option(_host, value is null || Enum.IsDefined(value.Value), value, "Must be a defined value", name);

    private static bool IsPositive(double value) => value > 0 && double.IsFinite(value);

    private static bool IsWeight(double value) => value >= 0 && double.IsFinite(value);
}
