namespace WebApi;

/// <summary>What to forecast.</summary>
/// <param name="Horizon">The number of steps. Without it: the horizon that the model was trained for.</param>
/// <param name="History">The last rows of a series of your own, each with a value for each channel, oldest first. Without it: the readings that the server has taken.</param>
internal sealed record ForecastRequest(int? Horizon = null, float[][]? History = null);

/// <summary>A forecast, step by step, with a value for each channel in each.</summary>
/// <param name="Model">The version of the model.</param>
/// <param name="Row">The number of the reading that it follows. Null: it follows the history of the request.</param>
/// <param name="Channels">The names of the channels.</param>
/// <param name="Forecast">The values.</param>
/// <param name="Lower">The lower bounds; null where the model has none: beyond its own horizon.</param>
/// <param name="Upper">The upper bounds, likewise.</param>
internal sealed record ForecastResponse(string Model, long? Row, IReadOnlyList<string> Channels, float?[][] Forecast, float?[][]? Lower, float?[][]? Upper);

/// <summary>New readings.</summary>
/// <param name="Rows">Rows with a value for each channel, oldest first.</param>
internal sealed record ReadingsRequest(float[][] Rows);

/// <summary>The readings were taken.</summary>
/// <param name="Row">The number of the last one.</param>
internal sealed record ReadingsResponse(long Row);

/// <summary>The last readings.</summary>
/// <param name="FirstRow">The number of the first one here.</param>
/// <param name="Channels">The names of the channels.</param>
/// <param name="Rows">The readings, oldest first.</param>
/// <param name="Horizon">The horizon that the forecaster was trained for.</param>
internal sealed record HistoryResponse(long FirstRow, IReadOnlyList<string> Channels, float[][] Rows, int Horizon);

/// <summary>The state of the forecaster was written.</summary>
/// <param name="File">The name of the file.</param>
/// <param name="Row">The number of the last reading in it.</param>
internal sealed record CheckpointResponse(string File, long Row);

/// <summary>What to classify.</summary>
/// <param name="Rows">Rows with all features.</param>
internal sealed record ClassifyRequest(float[][] Rows);

/// <summary>The classes of rows.</summary>
/// <param name="Model">The version of the model.</param>
/// <param name="Results">A result for each row.</param>
internal sealed record ClassifyResponse(string Model, ClassifyResult[] Results);

/// <summary>The class of a row.</summary>
/// <param name="Label">The class. Null: the row looks like none of them.</param>
/// <param name="Scores">The score of each class.</param>
internal sealed record ClassifyResult(string? Label, IReadOnlyDictionary<string, float?> Scores);

/// <summary>A cell: who, what, when.</summary>
/// <param name="User">The user.</param>
/// <param name="Film">The film.</param>
/// <param name="Time">The time of day.</param>
internal sealed record Cell(string User, string Film, string Time);

/// <summary>Cells to complete.</summary>
/// <param name="Cells">The cells.</param>
internal sealed record CompleteRequest(Cell[] Cells);

/// <summary>The values of cells.</summary>
/// <param name="Model">The version of the model.</param>
/// <param name="Results">A value for each cell.</param>
internal sealed record CompleteResponse(string Model, CompletedCell[] Results);

/// <summary>The value of a cell.</summary>
/// <param name="Value">The value.</param>
/// <param name="Unknown">The keys that the model was not trained with, for which means stand.</param>
internal sealed record CompletedCell(float? Value, string[] Unknown);

/// <summary>What to recommend: all but one of user, film and time are given, and the best of that one are returned.</summary>
/// <param name="User">The user.</param>
/// <param name="Film">The film.</param>
/// <param name="Time">The time of day.</param>
/// <param name="Top">The most to return. 10.</param>
/// <param name="Exclude">What not to return.</param>
internal sealed record RecommendRequest(string? User = null, string? Film = null, string? Time = null, int? Top = null, string[]? Exclude = null);

/// <summary>Recommendations, the best first.</summary>
/// <param name="Model">The version of the model.</param>
/// <param name="Mode">What is recommended.</param>
/// <param name="Results">The recommendations.</param>
internal sealed record RecommendResponse(string Model, string Mode, Recommendation[] Results);

/// <summary>One recommendation.</summary>
/// <param name="Key">What.</param>
/// <param name="Value">The value expected.</param>
internal sealed record Recommendation(string Key, float Value);

/// <summary>A model in service.</summary>
/// <param name="Name">Its name, which is that of its file.</param>
/// <param name="Version">The beginning of the SHA-256 of its file.</param>
/// <param name="LoadedAt">When it was loaded.</param>
/// <param name="Description">What it is.</param>
internal sealed record ModelInfo(string Name, string Version, DateTimeOffset LoadedAt, string Description);

/// <summary>How the server is.</summary>
/// <param name="Status">ready, or loading, or failed.</param>
/// <param name="Models">The same for each model, with the reason of a failure.</param>
internal sealed record HealthResponse(string Status, IReadOnlyDictionary<string, string> Models);
