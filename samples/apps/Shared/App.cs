using System.CommandLine;
using System.Globalization;
using Microsoft.ML;
using ScottPlot;
using Spectre.Console;

namespace Samples.Apps;

/// <summary>What the apps share: the command line, and a report that tells on one page what the console tells, with tables and charts.</summary>
internal sealed class App
{
    private readonly string _name;
    private readonly RootCommand _command;
    private readonly Option<string?> _data;
    private readonly Option<string> _output;
    private readonly Report _report;
    private readonly List<string> _files = [];
    private ParseResult? _arguments;

    /// <param name="name">The name of its folder and its model.</param>
    /// <param name="title">The title of the report.</param>
    /// <param name="description">What the app does.</param>
    /// <param name="data">What <c>--data</c> takes, and what there is without it.</param>
    public App(string name, string title, string description, string data)
    {
        // The same numbers look the same everywhere.
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        Charts.SetFont();
        _name = name;
        _report = new(title);
        _report.Paragraph(description);
        _data = new("--data") { Description = data };
        _output = new("--output") { Description = "The folder for the model and the report.", DefaultValueFactory = _ => Path.Combine("artifacts", "apps", name) };
        _command = new(description) { _data, _output };
    }

    /// <summary>The user's file; null = the data that the app makes.</summary>
    public string? DataPath => Arguments.GetValue(_data);

    /// <summary>Is cancelled by Ctrl+C.</summary>
    public CancellationToken CancellationToken { get; private set; }

    private ParseResult Arguments => _arguments ?? throw new InvalidOperationException("The command line is read by Run.");

    /// <summary>An option that takes a positive number.</summary>
    public Setting<int> Number(string name, int byDefault, string description)
    {
        var option = CommandLine.Positive(name, $"{description} {byDefault}.");
        _command.Options.Add(option);
        return new(() => Arguments.GetValue(option) ?? byDefault);
    }

    /// <summary>An option that takes text; null where it is not given.</summary>
    public Setting<string?> Text(string name, string description)
    {
        var option = new Option<string?>(name) { Description = description };
        _command.Options.Add(option);
        return new(() => Arguments.GetValue(option));
    }

    /// <summary>An option that takes names, separated by commas; none where it is not given.</summary>
    public Setting<string[]> Names(string name, string description)
    {
        var option = Text(name, description);
        return new(() => option.Value?.Split(',', StringSplitOptions.TrimEntries) ?? []);
    }

    /// <summary>Runs the story and saves the report.</summary>
    /// <returns>The exit code.</returns>
    public int Run(string[] args, Action story)
    {
        _command.SetAction(arguments => CommandLine.Run(cancellation =>
        {
            (_arguments, CancellationToken) = (arguments, cancellation);
            Directory.CreateDirectory(arguments.GetValue(_output)!);
            story();
            _report.Save(InOutput("report.html"));
            Say.Step("Files");
            _files.ForEach(Say.Path);
            Say.Path(InOutput("report.html"));
        }));
        return _command.Parse(args).Invoke();
    }

    /// <summary>Begins a part.</summary>
    public void Step(string title)
    {
        Say.Step(title);
        _report.Heading(title);
    }

    /// <summary>Tells something.</summary>
    public void Tell(string text)
    {
        Say.Line(text);
        _report.Paragraph(text);
    }

    /// <summary>Tells a table, whose first column holds names and the others numbers.</summary>
    public void Table(string[] header, params string[][] rows)
    {
        var table = new Table().Border(TableBorder.Rounded);
        foreach (var (i, name) in header.Index())
        {
            table.AddColumn(new TableColumn(Markup.Escape(name)) { Alignment = i == 0 ? Justify.Left : Justify.Right });
        }
        foreach (var row in rows)
        {
            table.AddRow([.. row.Select(Markup.Escape)]);
        }
        AnsiConsole.Write(table);
        _report.Table(header, rows);
    }

    /// <summary>Shows a chart in the report.</summary>
    public void Chart(Plot plot, string description, int width = Style.Width, int height = 400)
    {
        using (plot)
        {
            _report.Chart(plot, description, width, height);
        }
    }

    /// <summary>Shows a part of the report that is HTML already.</summary>
    public void Html(string html) => _report.Html(html);

    /// <summary>The data: the user's file, or one that the app makes, as CSV in its folder.</summary>
    public string DataOr(string header, IEnumerable<FormattableString> made)
    {
        var path = DataPath ?? InOutput("data.csv");
        if (DataPath is null)
        {
            File.WriteAllLines(path, made.Select(FormattableString.Invariant).Prepend(header));
            _files.Add(path);
        }
        return path;
    }

    /// <summary>Saves a model, loads it into a fresh context, and makes sure that it scores the same. What follows is then the work of the file alone.</summary>
    /// <param name="context">The context of the model.</param>
    /// <param name="model">The model.</param>
    /// <param name="data">Rows to score.</param>
    /// <param name="column">The column of scores.</param>
    /// <returns>The loaded model.</returns>
    public ITransformer SaveAndLoad(MLContext context, ITransformer model, IDataView data, string column = "Score")
    {
        var path = InOutput($"{_name}.mlnet");
        context.Model.Save(model, data.Schema, path);
        _files.Add(path);
        var loaded = new MLContext().Model.Load(path, out _);
        Models.RequireEqualScores(model, loaded, data, column);
        Tell($"Saved as {Path.GetFileName(path)} ({new FileInfo(path).Length / 1024:N0} kB). The loaded model scores bit for bit as the trained one.");
        return loaded;
    }

    private string InOutput(string name) => Path.Combine(Arguments.GetValue(_output)!, name);
}
