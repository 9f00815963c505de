using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.Tests.Onnx;

/// <summary>What every export must be: the same numbers as scoring, row by row, from the same bytes every time.</summary>
internal static class OnnxExportCheck
{
    /// <summary>Checks a model that scores rows.</summary>
    /// <param name="ml">The context.</param>
    /// <param name="model">The model.</param>
    /// <param name="data">Some rows.</param>
    /// <param name="withNaN">Rows with NaN here and there; null = there are none.</param>
    /// <param name="outputs">The columns of the model.</param>
    internal static void Rows(MLContext ml, ITransformer model, IDataView data, IDataView? withNaN, IReadOnlyList<string> outputs)
    {
        using var file = Stable(ml, model, data.Schema);
        Compare(file, name => Cells.Read(data, name), Read(model.Transform(data), outputs), [1, 7, 64]);
        if (withNaN is not null)
        {
            Compare(file, name => Cells.Read(withNaN, name), Read(model.Transform(withNaN), outputs), [64]);
        }
    }

    /// <summary>Checks a model whose graph reads windows.</summary>
    internal static void Windows(MLContext ml, ITransformer model, IDataView data, IDataView? withNaN, IReadOnlyList<string> outputs, string? groupColumnName)
    {
        using var file = Stable(ml, model, data.Schema);
        var scorer = TransformerTree.Leaves(model).OfType<ScoringTransformer>().Single(step => step.OnnxWindowSize > 0);
        foreach (var view in new[] { data, withNaN }.OfType<IDataView>())
        {
            var rowCount = Cells.Read(view, scorer.Inputs[0].Name).Count;
            var windows = WindowRows(view, rowCount, scorer.OnnxWindowSize, scorer.IsOnnxOfAllRows ? scorer.OnnxWindowSize : 1, groupColumnName);
            int[] ends = [.. windows.Select(window => window[^1])];
            var expected = Read(model.Transform(view), outputs).ToDictionary(column => column.Key, column => scorer.IsOnnxOfAllRows ? column.Value.Windows(windows) : column.Value.Rows(ends));
            Compare(file, name => file.Report.Inputs.Single(input => input.Name == name).Dimensions.Count == 3 ? Column(scorer, view, name).Windows(windows) : Cells.Read(view, name).Rows(ends), expected, [1, 7, 64]);
        }
    }

    /// <summary>Exports twice, and once more after saving and loading.</summary>
    internal static OnnxFile Stable(MLContext ml, ITransformer model, DataViewSchema? schema, OnnxExportOptions? options = null)
    {
        var file = OnnxFile.Export(model, schema, options);
        file.CheckStructure();
        using var again = OnnxFile.Export(model, schema, options);
        Assert.IsTrue(file.Bytes.AsSpan().SequenceEqual(again.Bytes), "Another export gives other bytes.");
        var loaded = Models.Load(Models.Save(ml, model));
        using var afterLoad = OnnxFile.Export(loaded, schema, options);
        Assert.IsTrue(file.Bytes.AsSpan().SequenceEqual(afterLoad.Bytes), "After Model.Load the export gives other bytes.");
        (loaded as IDisposable)?.Dispose();
        return file;
    }

    /// <summary>Runs the graph on batches of several sizes.</summary>
    internal static void Compare(OnnxFile file, Func<string, Cells> inputs, Dictionary<string, Cells> expected, int[] sizes, double tolerance = 1e-5)
    {
        var rows = expected.Values.First().Count;
        var columns = file.Parsed.Graph.Input.ToDictionary(input => input.Name, input => inputs(input.Name));
        Dictionary<string, Cells> all = [];
        foreach (var size in sizes.Select(size => Math.Min(size, rows)).Distinct())
        {
            all = file.Run(name => columns[name], Enumerable.Range(0, size));
            foreach (var (name, cells) in expected)
            {
                cells.Rows([.. Enumerable.Range(0, size)]).AssertClose(all[OutputOf(file, name)], name, tolerance);
            }
        }
        // The last row alone is as it is among the others.
        var count = all.Values.First().Count;
        var alone = file.Run(name => columns[name], [count - 1]);
        foreach (var (name, cells) in all)
        {
            cells.Rows([count - 1]).AssertClose(alone[name], name, tolerance);
        }
    }

    internal static Dictionary<string, Cells> Read(IDataView view, IEnumerable<string> names) => names.ToDictionary(name => name, name => Cells.Read(view, name));

    /// <summary>A column, or the time features of one.</summary>
    private static Cells Column(ScoringTransformer scorer, IDataView view, string name)
    {
        if (!name.EndsWith(ForecastingOnnx.MarksSuffix, StringComparison.Ordinal))
        {
            return Cells.Read(view, name);
        }
        var time = ((ForecastingTransformer)scorer).Model.Options.Time!;
        return Cells.Of<float>([.. view.GetColumn<DateTime>(name[..^ForecastingOnnx.MarksSuffix.Length]).Select(value =>
        {
            var marks = new float[time.Count];
            time.Write(TimeMarks.ToSeconds(value), marks);
            return marks;
        })]);
    }

    private static string OutputOf(OnnxFile file, string column) => file.Parsed.Graph.Output.Any(output => output.Name == column) ? column : column + ".output";

    /// <summary>The rows of each complete window that ends <paramref name="stride"/> rows of its series after the one before.</summary>
    private static IReadOnlyList<int[]> WindowRows(IDataView view, int rows, int windowSize, int stride, string? groupColumnName)
    {
        var groups = groupColumnName is null ? null : Cells.Read(view, groupColumnName);
        var result = new List<int[]>();
        var before = new Dictionary<object, List<int>>();
        for (var row = 0; row < rows; row++)
        {
            var group = groups?.Values.GetValue(row) ?? "";
            if (!before.TryGetValue(group, out var list))
            {
                before.Add(group, list = []);
            }
            list.Add(row);
            if (list.Count >= windowSize && (list.Count - windowSize) % stride == 0)
            {
                result.Add([.. list[^windowSize..]]);
            }
        }
        return result;
    }
}
